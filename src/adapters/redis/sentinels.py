"""Find the master of a service by asking its sentinels, before each connection is made."""

from typing import Any

import redis
from redis.backoff import NoBackoff
from redis.connection import Connection, SSLConnection
from redis.retry import Retry

from application.sentinel_url import SentinelUrl

SENTINEL_SECONDS = 1.0
"""Time limit for a sentinel to accept a connection, and for each of its replies."""


class MasterUnknown(redis.ConnectionError):
    """No sentinel names a master, or the server that they name is none."""


class Sentinels:
    """The sentinels of a service. One that replied is asked first from then on."""

    def __init__(self, url: SentinelUrl) -> None:
        self._service = url.service
        self._order = list(url.sentinels)
        self._kind: Any = SSLConnection if url.tls else Connection
        self._options = {
            "username": url.sentinel_user,
            "password": url.sentinel_password,
            "protocol": 2,  # every sentinel has it
            "socket_timeout": SENTINEL_SECONDS,
            "socket_connect_timeout": SENTINEL_SECONDS,
            "retry": Retry(NoBackoff(), 0),
            "driver_info": None,  # its name would take two more round trips
            **url.tls_files,
        }

    def master(self) -> tuple[str, int]:
        """Return host and port of the present master. Raises MasterUnknown."""
        failures = []
        for sentinel in list(self._order):
            host, port = sentinel
            try:
                address = self._ask(host, port)
            except redis.RedisError as error:
                failures.append(f"{host}:{port}: {str(error).rstrip('.')}")
                continue
            if address is None:
                failures.append(f"{host}:{port}: does not know this service")
                continue
            if self._order[0] != sentinel:
                others = [other for other in self._order if other != sentinel]
                self._order = [sentinel, *others]
            return address
        raise MasterUnknown(
            f"No sentinel names a master of {self._service!r} ({'; '.join(failures)})."
        )

    def _ask(self, host: str, port: int) -> tuple[str, int] | None:
        connection = self._kind(host=host, port=port, **self._options)
        try:
            connection.connect()
            connection.send_command("SENTINEL", "GET-MASTER-ADDR-BY-NAME", self._service)
            reply = connection.read_response()
        finally:
            connection.disconnect()
        return (reply[0].decode(), int(reply[1])) if reply else None


def connection_to_master(url: SentinelUrl) -> type[Any]:
    """Return a class of connections to the present master, with the login that the URL has.

    Each attempt to connect asks the sentinels anew. A server that is no master is refused: it
    may be the former master, which does not know yet that it was replaced.
    """
    sentinels = Sentinels(url)
    kind: Any = SSLConnection if url.tls else Connection
    fixed = {
        "username": url.user,
        "password": url.password,
        "db": url.database,
        "protocol": 3,  # its greeting says which role the server has
        **url.tls_files,
    }

    class ConnectionToMaster(kind):  # type: ignore[misc]  # the URL decides between TCP and TLS
        def __init__(self, **options: Any) -> None:
            super().__init__(**{**options, **fixed})

        def _connect(self) -> Any:
            self.host, self.port = sentinels.master()
            return super()._connect()

        def on_connect_check_health(self, check_health: bool = True) -> None:
            super().on_connect_check_health(check_health=check_health)
            greeting: dict[bytes | str, Any] = self.handshake_metadata
            role = greeting.get(b"role") or greeting.get("role")
            if role not in {b"master", "master"}:
                raise MasterUnknown(f"{self.host}:{self.port} is no master.")

    return ConnectionToMaster
