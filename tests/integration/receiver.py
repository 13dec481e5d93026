"""Run an HTTP server for tests: it records requests, and responds as the test says."""

import json
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

from tests.integration.waiting import wait_until

SECRET = "whsec_" + "A" * 40
"""The secret that tests sign with."""


@dataclass(frozen=True)
class Request:
    method: str
    path: str
    headers: dict[str, str]
    """The names are in lower case."""
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass(frozen=True)
class Response:
    status: int = 200
    body: bytes | str | dict[str, Any] | list[Any] = b""
    headers: dict[str, str] = field(default_factory=dict)
    stall: Callable[[], object] = lambda: None
    """Called before the response is sent."""

    @property
    def bytes(self) -> bytes:
        if isinstance(self.body, bytes):
            return self.body
        return (self.body if isinstance(self.body, str) else json.dumps(self.body)).encode()


class _Server(ThreadingHTTPServer):
    def handle_error(self, *_: object) -> None:
        """Ignore clients that disconnect, as some tests make them do."""


class Receiver:
    """Sends its responses in order and repeats the last. Listens on 127.0.0.1 within `with`."""

    def __init__(
        self, *responses: Response, respond: Callable[[Request], Response] | None = None
    ) -> None:
        """`respond` makes each response instead, in the thread of the request."""
        self.requests: list[Request] = []
        self.responses = list(responses) or [Response()]
        self._respond = respond or self._next
        self._server = _Server(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True

    @property
    def port(self) -> int:
        return self._server.server_port

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def wait_for(self, number: int, seconds: float = 20) -> list[Request]:
        wait_until(lambda: len(self.requests) >= number, seconds)
        return self.requests[:number]

    def _next(self, _: Request) -> Response:
        return self.responses.pop(0) if len(self.responses) > 1 else self.responses[0]

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def respond(self) -> None:
                length = int(self.headers.get("Content-Length", 0))
                body = self.rfile.read(length)
                if len(body) < length:  # the client was killed: ignore the partial request
                    self.close_connection = True
                    return
                headers = {name.lower(): value for name, value in self.headers.items()}
                request = Request(self.command, self.path, headers, body)
                receiver.requests.append(request)
                response = receiver._respond(request)
                response.stall()
                self.send_response(response.status)
                for name, value in response.headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(response.bytes)))
                self.end_headers()
                self.wfile.write(response.bytes)

            def __getattr__(self, name: str) -> Any:
                """Respond to every method in the same way: do_GET, do_POST and all others."""
                if name.startswith("do_"):
                    return self.respond
                raise AttributeError(name)

            def log_message(self, *_: object) -> None:
                """Write no log."""

        return Handler
