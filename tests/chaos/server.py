"""A private server that can be killed and started again on the same data."""

import subprocess
import time
from pathlib import Path
from typing import Any

import redis

from tests.integration.tcp_redis import TcpRedis
from tests.integration.waiting import wait_until


class ChaosServer:
    """An accepted task survives a power cut with `fsync` "always", a clean stop with "everysec"."""

    def __init__(self, directory: Path, fsync: str = "everysec", *options: str) -> None:
        """`options` are further arguments of the server."""
        self.directory = directory
        self._embedded = TcpRedis(directory, "--appendfsync", fsync, *options)
        self.process: subprocess.Popen[bytes]
        self.client = redis.Redis.from_url(self.url, socket_timeout=5)

    @property
    def url(self) -> str:
        return self._embedded.url

    @property
    def port(self) -> int:
        return self._embedded.port

    def start(self) -> float:
        """Start it on the data that is there. Returns the moment of its first reply."""
        self.process = self._embedded.start(self._popen)
        wait_until(self.replies, 30, every=0.005)
        return time.monotonic()

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait(30)

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    def used_memory(self) -> int:
        """Return the bytes that count against `maxmemory`."""
        return int(self.client.info("memory")["used_memory"])

    def kill_connections(self) -> int:
        """Close the connections of all other clients. Returns how many there were."""
        return int(self.client.execute_command("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes"))

    def replies(self) -> bool:
        try:
            return bool(self.client.ping())
        except redis.RedisError:
            return False

    def _popen(self, arguments: list[str], **options: Any) -> subprocess.Popen[bytes]:
        return subprocess.Popen(arguments, process_group=0, **options)
