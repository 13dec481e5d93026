"""Batches of several processes, each forked from the one that made their pace."""

import os
import signal
from collections.abc import Callable, Iterator
from multiprocessing import get_context
from multiprocessing.connection import Connection
from typing import Any

import pytest

from entrypoints.api.concurrency import batch_line
from entrypoints.api.concurrency.batch_line import BatchPace
from tests.integration.waiting import PATIENCE

fork = get_context("fork")
Start = Callable[[BatchPace], tuple[Any, Connection]]


@pytest.fixture(autouse=True)
def others_for_long(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batch_line, "OTHERS_SECONDS", 600.0)


@pytest.fixture
def start_batch() -> Iterator[Start]:
    """Start a process that holds a turn until it is told to end it."""
    started = []

    def start(pace: BatchPace) -> tuple[Any, Connection]:
        ours, theirs = fork.Pipe()

        def hold() -> None:
            with pace.turn():
                theirs.send("has its turn")
                theirs.recv()
            os._exit(0)

        process = fork.Process(target=hold, daemon=True)
        process.start()
        started.append(process)
        return process, ours

    yield start
    for process in started:
        process.kill()
        process.join()


def has_turn(batch: Connection, seconds: float = PATIENCE) -> bool:
    return batch.poll(seconds) and batch.recv() == "has its turn"


def test_beside_other_requests_one_batch_runs_at_a_time(start_batch: Start) -> None:
    pace = BatchPace()
    pace.note_other_request()
    _, first = start_batch(pace)
    assert has_turn(first)
    pace.note_other_request()
    _, second = start_batch(pace)

    assert not has_turn(second, seconds=0.2)
    first.send("end")
    assert has_turn(second)


def test_batches_that_are_alone_run_at_the_same_time(
    start_batch: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    pace = BatchPace()
    pace.note_other_request()
    monkeypatch.setattr(batch_line, "OTHERS_SECONDS", 0.0)

    _, first = start_batch(pace)
    _, second = start_batch(pace)

    assert has_turn(first)
    assert has_turn(second)


def test_a_request_to_one_process_slows_the_batches_of_all(start_batch: Start) -> None:
    pace = BatchPace()
    noting = fork.Process(target=pace.note_other_request)
    noting.start()
    noting.join()
    _, first = start_batch(pace)
    assert has_turn(first)

    _, second = start_batch(pace)

    assert not has_turn(second, seconds=0.2)


def test_a_process_that_dies_gives_up_its_turn(start_batch: Start) -> None:
    pace = BatchPace()
    pace.note_other_request()
    process, first = start_batch(pace)
    assert has_turn(first)

    process.kill()
    process.join()
    _, second = start_batch(pace)

    assert has_turn(second)


def test_a_batch_does_not_wait_for_ever_for_a_process_that_is_stopped(
    start_batch: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    pace = BatchPace()
    pace.note_other_request()
    process, first = start_batch(pace)
    assert has_turn(first)
    os.kill(process.pid, signal.SIGSTOP)
    monkeypatch.setattr(batch_line, "MAX_WAIT_SECONDS", 0.1)

    with pace.turn():
        monkeypatch.setattr(batch_line, "MAX_WAIT_SECONDS", 600.0)

    with pace.turn():
        pass


def test_a_batch_that_fails_leaves_the_turn_to_another_process(start_batch: Start) -> None:
    pace = BatchPace()
    pace.note_other_request()
    with pytest.raises(ZeroDivisionError), pace.turn():
        raise ZeroDivisionError

    _, other = start_batch(pace)

    assert has_turn(other)
