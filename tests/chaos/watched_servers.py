"""A master, a replica and three sentinels that watch them, all processes of this machine."""

import subprocess
import time
from pathlib import Path
from typing import Any

import redis

from adapters.redis.connection import connect
from entrypoints.local.embedded_redis import find_program
from tests.chaos.server import ChaosServer
from tests.integration.ports import free_port
from tests.integration.waiting import PATIENCE, wait_until

SERVICE = "tasks"
SENTINELS = 3
QUORUM = 2
SYNC_AT_ONCE = ("--repl-diskless-sync-delay", "0")
CONFIGURATION = """\
port {port}
bind 127.0.0.1
sentinel monitor {service} 127.0.0.1 {master} {quorum}
sentinel down-after-milliseconds {service} 2000
sentinel failover-timeout {service} 6000
"""


class Sentinel:
    def __init__(self, directory: Path, master: int) -> None:
        """`master` is the port of the server that is the master at the start."""
        self.port = free_port()
        self._directory = directory
        self._master = master
        self._client: Any = redis.Redis(port=self.port, protocol=2, socket_timeout=PATIENCE)
        self._process: subprocess.Popen[bytes]

    def start(self) -> None:
        self._directory.mkdir(parents=True)
        file = self._directory / "sentinel.conf"
        file.write_text(
            CONFIGURATION.format(
                port=self.port, service=SERVICE, master=self._master, quorum=QUORUM
            )
        )
        with (self._directory / "sentinel.log").open("wb") as log:
            self._process = subprocess.Popen(
                [find_program(), str(file), "--sentinel"],
                stdout=log,
                cwd=self._directory,
                process_group=0,
            )

    def kill(self) -> None:
        self._process.kill()
        self._process.wait()
        self._client.close()

    def port_of_master(self) -> int:
        _, port = self._client.execute_command("SENTINEL", "GET-MASTER-ADDR-BY-NAME", SERVICE)
        return int(port)

    def knows_all(self) -> bool:
        """Return whether it can reach the other sentinels, and knows the replica."""
        try:
            reachable = self._client.execute_command("SENTINEL", "CKQUORUM", SERVICE)
            replicas = self._client.execute_command("SENTINEL", "REPLICAS", SERVICE)
        except redis.RedisError:
            return False
        return f"OK {SENTINELS} usable" in reachable.decode() and len(replicas) == 1


class WatchedServers:
    """Stands for a ChaosServer whose process changes in a failover."""

    def __init__(self, directory: Path, fsync: str = "everysec") -> None:
        first = ChaosServer(directory / "first", fsync, *SYNC_AT_ONCE)
        following = ("--replicaof", "127.0.0.1", str(first.port))
        second = ChaosServer(directory / "second", fsync, *SYNC_AT_ONCE, *following)
        self.servers = [first, second]
        self.sentinels = [
            Sentinel(directory / f"sentinel{number}", first.port) for number in range(SENTINELS)
        ]
        self.client = connect(self.url)

    @property
    def url(self) -> str:
        ports = [sentinel.port for sentinel in self.sentinels]
        return f"sentinel://{','.join(f'127.0.0.1:{port}' for port in ports)}/{SERVICE}"

    def start(self) -> float:
        """Start everything. Returns the moment from which a failover is possible."""
        for each in (*self.servers, *self.sentinels):
            each.start()
        wait_until(lambda: all(sentinel.knows_all() for sentinel in self.sentinels))
        wait_until(self.are_whole)
        return time.monotonic()

    def kill(self) -> None:
        for each in (*self.sentinels, *self.servers):
            each.kill()
        self.client.close()

    def master(self) -> ChaosServer:
        """Return the present master."""
        port = self.sentinels[0].port_of_master()
        [master] = [server for server in self.servers if server.port == port]
        return master

    def wait_for_successor(self, former: ChaosServer) -> None:
        """Wait until all sentinels name another master."""
        wait_until(
            lambda: all(sentinel.port_of_master() != former.port for sentinel in self.sentinels)
        )

    def are_whole(self) -> bool:
        """Return whether the master has a replica that follows it."""
        try:
            return "state=online" in self._first_replica()
        except redis.RedisError:
            return False

    def _first_replica(self) -> str:
        replica = self.client.info("replication").get("slave0", "")
        if isinstance(replica, dict):
            return f"state={replica['state']}"
        return str(replica)
