from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from io import BytesIO
from threading import Event

import pytest
from flask import Flask
from flask.testing import FlaskClient

from entrypoints.api.concurrency.batch_line import BatchLine, Overloaded
from tests.integration.waiting import PATIENCE, wait_until


@pytest.fixture
def threads() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(8) as threads:
        yield threads


def test_batches_have_their_turns_one_by_one_in_the_order_of_their_arrival(
    threads: ThreadPoolExecutor,
) -> None:
    line, done, may_end = BatchLine(), list[int](), Event()

    def work(number: int) -> None:
        with line.turn():
            done.append(number)
            may_end.wait(PATIENCE)
            assert done[-1] == number

    calls = [_arrived(threads, line, work, number) for number in range(5)]
    wait_until(lambda: done)
    assert done == [0]
    may_end.set()
    for call in calls:
        call.result()

    assert done == [0, 1, 2, 3, 4]


def test_a_batch_beyond_the_limit_is_refused_at_once_and_takes_no_place(
    threads: ThreadPoolExecutor,
) -> None:
    line, may_end = BatchLine(max_waiting=2), Event()

    def work(_: int) -> None:
        with line.turn():
            may_end.wait(PATIENCE)

    calls = [_arrived(threads, line, work, number) for number in range(3)]
    for _ in range(3):
        with pytest.raises(Overloaded, match="2 batches wait in this process already"), line.turn():
            pytest.fail("it had a turn")
    may_end.set()
    for call in calls:
        call.result()

    with line.turn():
        pass


def test_a_batch_that_fails_leaves_its_turn_to_the_next() -> None:
    line = BatchLine(max_waiting=0)
    for _ in range(2):
        with pytest.raises(ZeroDivisionError), line.turn():
            raise ZeroDivisionError


def _arrived(threads: ThreadPoolExecutor, line: BatchLine, work, number: int) -> Future:
    before = len(line._line)
    call = threads.submit(work, number)
    wait_until(lambda: len(line._line) == before + 1)
    return call


class UnreadBody(BytesIO):
    """A body that must not be read."""

    def read(self, *_: object) -> bytes:
        pytest.fail("the body was read")

    readinto = readline = read


def test_a_batch_that_finds_no_room_is_refused_before_its_body_is_read(
    app: Flask, client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    line = BatchLine(max_waiting=0)
    monkeypatch.setitem(app.extensions, "batch_line", line)

    with line.turn():
        body = UnreadBody(b"{}")
        response = client.post("/tasks/batch", input_stream=body, content_type="application/json")

    assert (response.status_code, response.json["code"]) == (503, "overloaded")
