"""Connections that a worker of the API serves in this process, with any WSGI application."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any, Self

import gevent
from gevent import socket

from entrypoints.api.concurrency.capacity import Capacity
from entrypoints.api.server import ApiLogger, ApiWorker, Server
from tests.unit.entrypoints.conftest import SETTINGS

Application = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]


class Worker:
    """A worker of gunicorn, without a process of its own, that is given its connections."""

    def __init__(self, application: Application) -> None:
        server = Server(SETTINGS, Capacity.of(1_024))
        self._worker = ApiWorker(1, 0, [], server, 30, server.cfg, ApiLogger(server.cfg))
        self._worker.wsgi = application

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._worker.tmp.close()

    @property
    def pending_bytes(self) -> int:
        return self._worker._pending._bytes

    @contextmanager
    def connection(self) -> Iterator[socket.socket]:
        """Serve a connection, of which the block has the client's end."""
        client, served = socket.socketpair()
        listener = SimpleNamespace(getsockname=lambda: ("127.0.0.1", 80))
        serving = gevent.spawn(self._worker.handle, listener, served, ("127.0.0.1", 1))
        with client:
            yield client
        serving.join(60)


def received(client: socket.socket) -> bytes:
    """Return what arrives until the end of the connection."""
    parts = []
    with gevent.Timeout(60):
        while part := client.recv(65_536):
            parts.append(part)
    return b"".join(parts)
