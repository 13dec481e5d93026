"""Full garbage collections do not visit open streams."""

import gc
import weakref
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from entrypoints.api.concurrency.settled_streams import SettledStreams


class StreamObject:
    """An object of a stream. The garbage collector knows it."""


@pytest.fixture(autouse=True)
def nothing_frozen() -> Iterator[None]:
    gc.unfreeze()
    yield
    gc.unfreeze()


def test_collections_visit_a_few_open_streams_only() -> None:
    streams = SettledStreams(new_streams=10)

    with ExitStack() as opened:
        objects = [_open(streams, opened) for _ in range(95)]

        assert len(_visited(objects)) <= 10


def test_objects_of_streams_are_freed_when_they_end() -> None:
    streams = SettledStreams(new_streams=10)
    gone = []
    for _ in range(3):
        with ExitStack() as opened:
            objects = [_open(streams, opened) for _ in range(20)]
            gone += list(map(weakref.ref, objects))
        del objects

    assert not [each for each in gone if each() is not None]


def test_short_streams_freeze_nothing() -> None:
    streams = SettledStreams(new_streams=10)

    for _ in range(100):
        with streams.open():
            pass

    assert gc.get_freeze_count() == 0


def test_streams_that_follow_others_are_frozen_as_well() -> None:
    streams = SettledStreams(new_streams=10)
    for _ in range(2):
        with ExitStack() as opened:
            objects = [_open(streams, opened) for _ in range(19)]
            assert len(_visited(objects)) <= 10


def _open(streams: SettledStreams, opened: ExitStack) -> StreamObject:
    opened.enter_context(streams.open())
    return StreamObject()


def _visited(objects: list[StreamObject]) -> list[StreamObject]:
    """Return those that a full collection visits."""
    visited = set(map(id, gc.get_objects()))
    return [each for each in objects if id(each) in visited]
