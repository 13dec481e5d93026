"""An error or a wrong answer is never counted as a fast one."""

import socket
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from benchmarks.connections import is_closed
from benchmarks.contests import check_answers, check_stored
from benchmarks.load import ClosedLoop, LoadFailed, get


@pytest.fixture
def ends() -> Iterator[tuple[socket.socket, socket.socket]]:
    client, server = socket.socketpair()
    with client, server:
        yield client, server


def responses(server: socket.socket, *each: bytes) -> threading.Thread:
    """Send one of these after each request."""

    def run() -> None:
        for response in each:
            server.recv(1_000)
            server.sendall(response)

    thread = threading.Thread(target=run)
    thread.start()
    return thread


def ok(body: bytes) -> bytes:
    return b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body)


def test_a_load_has_the_last_body_of_each_connection(
    ends: tuple[socket.socket, socket.socket],
) -> None:
    client, server = ends
    thread = responses(server, ok(b"1"), ok(b"2"))

    load = ClosedLoop([client], iter([get("/")] * 2)).run(seconds=60)

    thread.join()
    assert len(load.latencies) == 2
    assert load.last_bodies == [b"2"]


def test_a_load_with_an_error_fails(ends: tuple[socket.socket, socket.socket]) -> None:
    client, server = ends
    thread = responses(server, b"HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n", ok(b"1"))

    with pytest.raises(LoadFailed, match="1 of 2 responses were errors"):
        ClosedLoop([client], iter([get("/")] * 2)).run(seconds=60)
    thread.join()


@pytest.mark.parametrize("body", [b'{"tasks": []}', b"{}", b"[]", b"null", b"", b"<html>"])
def test_a_wrong_answer_fails(body: bytes) -> None:
    def has_a_task(found: Any) -> bool:
        return bool(found["tasks"])

    with pytest.raises(LoadFailed, match="plain gave a wrong answer"):
        check_answers("plain", [b'{"tasks": [1]}', body], has_a_task)


def test_an_accepted_task_that_is_not_stored_fails() -> None:
    check_stored("ours", 10, 10)

    with pytest.raises(LoadFailed, match="ours accepted 10 tasks and stored 9"):
        check_stored("ours", 10, 9)


def test_a_connection_that_the_server_closed_is_noticed_without_waiting(
    ends: tuple[socket.socket, socket.socket],
) -> None:
    client, server = ends
    assert not is_closed(client)

    server.close()

    assert is_closed(client)
