"""Full garbage collections do not visit open streams."""

import gc
import socket
import weakref
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from typing import Any

import pytest
from gevent.event import Event
from gunicorn.http.body import ChunkedReader
from gunicorn.http.message import Request

from entrypoints.api.concurrency.settled_streams import SettledStreams
from tests.unit.entrypoints.served import Worker, received

CHUNKED = (
    b"POST /tasks HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
    b"Transfer-Encoding: chunked\r\n\r\n1\r\n1\r\n"
)


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


@pytest.mark.parametrize("ending", [b"6\r\n, 2345\r\n0\r\n\r\n", b""], ids=["whole", "cut off"])
@pytest.mark.parametrize("is_read", [True, False], ids=["read", "unread"])
def test_requests_in_chunks_that_were_frozen_are_freed_when_they_end(
    ending: bytes, is_read: bool
) -> None:
    frozen = Event()

    def respond(environ: dict[str, Any], start_response: Callable[..., Any]) -> list[bytes]:
        gc.collect()
        gc.freeze()
        frozen.set()
        if is_read:
            environ["wsgi.input"].read()
        start_response("204 No Content", [])
        return []

    gc.collect()
    before = len(_requests())
    gc.disable()
    try:
        with Worker(respond) as worker, worker.connection() as client, suppress(OSError):
            client.sendall(CHUNKED)
            assert frozen.wait(60)
            client.sendall(ending)
            client.shutdown(socket.SHUT_WR)
            received(client)

        gc.unfreeze()
        assert len(_requests()) == before
    finally:
        gc.enable()


def _requests() -> list[object]:
    """Return the requests, and the readers of bodies in chunks, that are in memory."""
    return [each for each in gc.get_objects() if isinstance(each, Request | ChunkedReader)]
