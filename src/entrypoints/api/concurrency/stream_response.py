"""Streams that last for hours and hold little memory: each moves into a greenlet of its own."""

from collections.abc import Callable, Iterable
from contextlib import suppress
from itertools import chain
from typing import Any

import gevent
from flask import Response
from gunicorn.workers.base_async import ALREADY_HANDLED
from werkzeug.http import http_date

from entrypoints.api.concurrency.client_socket import ClientSocket
from entrypoints.api.concurrency.settled_streams import SettledStreams

_settled_streams = SettledStreams()


class StreamResponse(Response):
    """A response that takes over its connection when gunicorn serves it.

    gunicorn, werkzeug and Flask then release what they hold for the request, which is half of the
    memory of an open stream. Other servers iterate over it as over any response.
    """

    def __call__(self, environ: Any, start_response: Any) -> Any:
        connection = environ.get("gunicorn.socket")
        if connection is None or environ["REQUEST_METHOD"] == "HEAD":
            return super().__call__(environ, start_response)
        head = _head(self.status, self.get_wsgi_headers(environ))
        try:
            own = connection.dup()
        except OSError:
            self.close()
            raise
        gevent.spawn(_write, own, chain([head], self.iter_encoded()), self.close)
        return ALREADY_HANDLED


def _head(status: str, headers: Iterable[tuple[str, str]]) -> bytes:
    """Return the head. It has no length: the stream ends with its connection (RFC 9112, 6.3)."""
    lines = [f"HTTP/1.1 {status}", f"Date: {http_date()}", "Connection: close"]
    lines += [f"{name}: {value}" for name, value in headers]
    return "\r\n".join([*lines, "", ""]).encode("latin-1")


def _write(connection: Any, parts: Iterable[bytes], close: Callable[[], None]) -> None:
    try:
        with suppress(OSError), connection, _settled_streams.open():
            client = ClientSocket(connection)
            for part in parts:
                client.sendall(part)
    finally:
        close()
