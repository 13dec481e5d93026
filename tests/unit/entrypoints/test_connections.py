"""Limits on what one process of the API holds."""

import socket
from collections.abc import Iterator
from contextlib import ExitStack
from types import SimpleNamespace

import gevent
import pytest

from entrypoints.api.concurrency.capacity import Capacity, Slots, TooManyStreams
from entrypoints.api.concurrency.connections import (
    Connection,
    PendingConnections,
    RequestTooSlow,
    TimedBody,
)


class FakeSocket:
    was_shut = False

    def shutdown(self, how: int) -> None:
        assert how == socket.SHUT_RDWR
        self.was_shut = True


def opened(*hosts: str) -> list[Connection]:
    return [Connection(FakeSocket(), (host, 1)) for host in hosts]


def shut(connections: list[Connection]) -> list[bool]:
    assert [each.was_shut for each in connections] == [each.client.was_shut for each in connections]
    return [each.was_shut for each in connections]


def test_one_more_of_a_client_closes_its_oldest_pending_connection() -> None:
    pending = PendingConnections(max_total=10, max_per_host=2)
    connections = opened("other", "a", "a", "a")

    for connection in connections:
        pending.add(connection)

    assert shut(connections) == [False, True, False, False]


def test_one_more_of_all_closes_the_oldest_pending_connection() -> None:
    pending = PendingConnections(max_total=2, max_per_host=2)
    connections = opened("a", "b", "c")

    for connection in connections:
        pending.add(connection)

    assert shut(connections) == [True, False, False]


def test_a_connection_whose_request_is_being_served_is_not_counted() -> None:
    pending = PendingConnections(max_total=2, max_per_host=2)
    connections = opened("a", "a", "a")

    for connection in connections:
        pending.add(connection)
        pending.discard(connection)
        pending.discard(connection)

    assert shut(connections) == [False, False, False]


def test_a_connection_that_waits_again_is_the_youngest() -> None:
    pending = PendingConnections(max_total=2, max_per_host=2)
    first, second, third = connections = opened("a", "a", "a")

    for connection in (first, second, first, third):
        pending.add(connection)

    assert shut(connections) == [False, True, False]


def test_a_connection_that_was_shut_displaces_no_other() -> None:
    pending = PendingConnections(max_total=2, max_per_host=2)
    first, *_ = connections = opened("a", "a", "a")

    for connection in (*connections, first):
        pending.add(connection)

    assert shut(connections) == [True, False, False]


def test_a_connection_over_a_unix_socket_is_counted() -> None:
    pending = PendingConnections(max_total=2, max_per_host=1)
    connections = [Connection(FakeSocket(), ""), Connection(FakeSocket(), "")]

    for connection in connections:
        pending.add(connection)

    assert shut(connections) == [True, False]


class FakeReader:
    """A reader that returns a piece after each pause, and then blocks."""

    length = 1

    def __init__(self, pieces: int, pause: float) -> None:
        self._pieces: Iterator[bytes] = iter([b" " * 65_536] * pieces)
        self._pause = pause

    def read(self, size: int) -> bytes:
        gevent.sleep(self._pause)
        for piece in self._pieces:
            return piece
        gevent.sleep(60)
        raise AssertionError("nobody ended the read")


def test_bodies_beyond_the_limit_close_the_one_that_waited_longest() -> None:
    pending = PendingConnections(max_total=10, max_per_host=10, max_bytes=100)
    idle, first, second, third, done = connections = opened("a", "a", "b", "b", "c")
    for connection in connections:
        pending.add(connection)

    for connection in (first, second, done, first):
        pending.add_received(connection, 25)
    pending.discard(done)
    assert not any(shut(connections))
    pending.add_received(third, 26)

    assert shut(connections) == [False, True, False, False, False]
    pending.add_received(second, 48)
    assert shut(connections) == [False, True, False, False, False]
    assert not idle.was_shut


def test_responses_that_nobody_takes_close_the_one_that_waited_longest(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    pending = PendingConnections(max_total=10, max_per_host=10, max_bytes=100)
    first, second, third, fourth = connections = opened("a", "a", "b", "b")
    for connection in connections:
        pending.add(connection)

    with ExitStack() as sending:
        for connection in (first, second):
            sending.enter_context(pending.response(connection, 100))
        assert not any(shut(connections)), "clients that are quick may have twice as many"

        sending.enter_context(pending.response(third, 1))
        assert shut(connections) == [True, False, False, False]

        monkeypatch.setattr("entrypoints.api.concurrency.connections.PATIENT_SECONDS", -1)
        sending.enter_context(pending.response(fourth, 1))
        assert shut(connections) == [True, True, False, False]
    with pending.response(third, 100):
        pass
    with pending.response(fourth, 100):
        assert shut(connections) == [True, True, False, False], "what was sent counts no more"


def test_a_single_body_and_one_whose_connection_was_shut_close_no_other() -> None:
    pending = PendingConnections(max_total=10, max_per_host=10, max_bytes=100)
    first, second = connections = opened("a", "b")
    pending.add(first)
    pending.add_received(first, 101)
    assert not any(shut(connections))

    pending.add(second)
    pending.add_received(second, 1)
    pending.add_received(first, 1_000)

    assert shut(connections) == [True, False]


def test_the_bytes_of_an_unfinished_body_are_counted_until_it_is_complete() -> None:
    reader = FakeReader(3, 0)
    request = SimpleNamespace(body=SimpleNamespace(reader=reader), force_close=lambda: None)
    pending = PendingConnections(max_total=2, max_per_host=2, max_bytes=3 * 65_536)
    first, second = connections = opened("a", "b")
    for connection in connections:
        pending.add(connection)
    body = TimedBody(request, first, pending, 60)

    for _ in range(2):
        body.read(65_536)
    pending.add_received(second, 65_536)
    assert not any(shut(connections))
    reader.length = 0
    body.read(65_536)
    pending.add_received(second, 2 * 65_536)

    assert not any(shut(connections))


def test_each_piece_of_a_body_extends_its_deadline() -> None:
    closed = []
    request = SimpleNamespace(
        body=SimpleNamespace(reader=FakeReader(4, 0.06)), force_close=lambda: closed.append(1)
    )
    pending = PendingConnections(max_total=2, max_per_host=2)
    [connection] = opened("a")
    pending.add(connection)
    body = TimedBody(request, connection, pending, 0.1)

    assert sum(len(body.read(1_000_000)) for _ in range(4)) == 4 * 65_536
    body._deadline -= 4  # the seconds that 256 KiB are worth
    with pytest.raises(RequestTooSlow):
        body.read(65_536)

    assert closed


class ReadyReader:
    """A reader whose bytes have all arrived."""

    def __init__(self, length: int) -> None:
        self.length = length

    def read(self, size: int) -> bytes:
        taken = min(size, self.length)
        self.length -= taken
        return b" " * taken


def test_a_read_that_never_waits_ends_at_the_deadline_too() -> None:
    closed = []
    request = SimpleNamespace(
        body=SimpleNamespace(reader=ReadyReader(65_536)), force_close=lambda: closed.append(1)
    )
    pending = PendingConnections(max_total=2, max_per_host=2)
    body = TimedBody(request, opened("a")[0], pending, -10)

    with pytest.raises(RequestTooSlow):
        body.read(4_096)

    assert closed
    assert len(body.read(65_536)) == 65_536 - 4_096, "the end of a body has arrived in time"


@pytest.mark.parametrize("descriptors", [128, 256, 1_024, 20_000, 1_048_576])
def test_the_shares_fit_into_the_descriptors(descriptors: int) -> None:
    capacity = Capacity.of(descriptors)

    assert 0 < capacity.connections + capacity.streams <= descriptors - 100
    assert capacity.waits > 0
    assert capacity.pending + capacity.waits < capacity.connections


def test_five_thousand_streams_fit_into_what_macos_allows() -> None:
    assert Capacity.of(10_240).streams == 5_000


def test_more_descriptors_allow_no_more_streams_than_memory_does() -> None:
    assert Capacity.of(1_048_576).streams == 5_000


def test_a_slot_is_free_again_after_its_block() -> None:
    slots = Slots(1, "streams")

    with slots.occupied(), pytest.raises(TooManyStreams, match="holds 1 streams"), slots.occupied():
        pass
    with slots.occupied():
        pass
