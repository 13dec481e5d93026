"""An HTTP server for tests: it keeps what it is sent, and answers as the test says."""

import json
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

from tests.integration.waiting import wait_until

SECRET = "whsec_" + "A" * 40
"""By which tests sign."""


@dataclass(frozen=True)
class Request:
    method: str
    path: str
    headers: dict[str, str]
    """By their names in lower case."""
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass(frozen=True)
class Answer:
    status: int = 200
    body: bytes | str | dict[str, Any] | list[Any] = b""
    headers: dict[str, str] = field(default_factory=dict)
    stall: Callable[[], object] = lambda: None
    """Called before the answer is sent."""

    @property
    def bytes(self) -> bytes:
        if isinstance(self.body, bytes):
            return self.body
        return (self.body if isinstance(self.body, str) else json.dumps(self.body)).encode()


class _Server(ThreadingHTTPServer):
    def handle_error(self, *_: object) -> None:
        """That a client goes away is what some tests are about."""


class Receiver:
    """Answers come in their order, then the last one again. As a context manager it listens on 127.0.0.1."""

    def __init__(self, *answers: Answer, answering: Callable[[Request], Answer] | None = None) -> None:
        """`answering` is asked for each answer, from the thread of the request."""
        self.requests: list[Request] = []
        self.answers = list(answers) or [Answer()]
        self._answering = answering or self._next
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

    def _next(self, _: Request) -> Answer:
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def answer(self) -> None:
                length = int(self.headers.get("Content-Length", 0))
                body = self.rfile.read(length)
                if len(body) < length:  # whoever sent it was killed meanwhile: no request, as for any server
                    self.close_connection = True
                    return
                headers = {name.lower(): value for name, value in self.headers.items()}
                request = Request(self.command, self.path, headers, body)
                receiver.requests.append(request)
                answer = receiver._answering(request)
                answer.stall()
                self.send_response(answer.status)
                for name, value in answer.headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(answer.bytes)))
                self.end_headers()
                self.wfile.write(answer.bytes)

            def __getattr__(self, name: str) -> Any:
                """do_GET, do_POST and all others."""
                if name.startswith("do_"):
                    return self.answer
                raise AttributeError(name)

            def log_message(self, *_: object) -> None:
                """Says nothing."""

        return Handler
