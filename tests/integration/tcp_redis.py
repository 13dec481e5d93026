"""The embedded server on a TCP port, for tests that put a proxy in front of it."""

import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from entrypoints.local.embedded_redis import EmbeddedRedis
from tests.integration.processes import free_port


class TcpRedis(EmbeddedRedis):
    def __init__(self, directory: Path, *options: str) -> None:
        """`options`: further arguments of the server, such as "--appendfsync", "always"."""
        super().__init__(directory)
        self.port = free_port()
        self._options = ("--port", str(self.port), "--bind", "127.0.0.1", *options)

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"

    def start(
        self, popen: Callable[..., subprocess.Popen[bytes]] = subprocess.Popen
    ) -> subprocess.Popen[bytes]:
        def with_options(arguments: Sequence[str], **rest: Any) -> subprocess.Popen[bytes]:
            program, stdin = arguments
            return popen([program, *self._options, stdin], **rest)

        return super().start(with_options)
