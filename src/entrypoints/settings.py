"""The settings of the service, as values. `entrypoints.environment` reads them."""

from dataclasses import dataclass
from datetime import timedelta
from ipaddress import ip_address
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

from application.sentinel_url import SentinelUrl, masked

MIN_EMBEDDED_MEMORY_MB = 16
REDIS_URL_FILE = "redis.url"
"""The file in the data directory that holds the URL of the embedded server while it runs."""
MAX_SOCKET_PATH_BYTES = 103
"""sockaddr_un(7) holds 104 bytes on macOS and 108 on Linux, with a zero at the end."""


class InvalidSettings(Exception):
    """The environment does not describe a service. The message lists every problem."""

    def __init__(self, problems: list[str]) -> None:
        lines = "\n".join(f"  - {problem}" for problem in problems)
        super().__init__(
            f"The settings are invalid:\n{lines}\nREADME.md has a table of all settings."
        )
        self.problems = problems


@dataclass(frozen=True, kw_only=True)
class Settings:
    """One member per setting: TASKS_HTTP_PORT is `http_port`."""

    http_host: str
    http_port: int
    http_workers: int
    http_body_seconds: int
    http_pending_per_client: int
    redis_url: str | None
    redis_min_replicas: int
    """Replicas of Redis that confirm a change before it counts; 0 for none."""
    data_dir: Path
    worker_concurrency: int
    io_concurrency: int
    """Slots of the I/O pool of a worker; 0 for no such pool."""
    queues: tuple[str, ...]
    lease_seconds: int
    retention_seconds: int
    max_body_bytes: int
    max_batch_bytes: int
    max_result_bytes: int
    handlers: tuple[str, ...]
    http_allowed_hosts: tuple[str, ...]
    http_allowed_networks: tuple[str, ...]
    http_trusted_proxies: tuple[str, ...] = ()
    auth: str | None = None
    """`keys` or `none`; None where it follows from the address and the environment."""
    rate_limit: str | None = None
    """The limit of each caller of the API, such as 600/minute; None for none."""
    link_secret: tuple[str, ...] = ()
    """The secrets that sign links to tasks: the one that signs, and one that is being replaced."""
    callback_secret: str | None
    shutdown_grace_seconds: int
    child_max_runs: int
    child_max_memory: int
    """MiB."""
    events_kept: int
    max_queues: int
    http_cache_mb: int
    """MiB for each process of the API; 0 for no cache."""
    env: str
    embedded_max_memory_mb: int | None = None
    io_per_host: int | None = None
    """None for half of the slots."""

    @property
    def http_cache_bytes(self) -> int:
        """Half of the cache, in bytes: one half is for tasks, the other for their texts."""
        return self.http_cache_mb * 2**20 // 2

    @property
    def is_production(self) -> bool:
        return self.env == "production"

    @property
    def asks_for_keys(self) -> bool:
        """True if callers of the API need a key.

        By default they do in production, and where others than this host reach the API.
        """
        if self.auth is not None:
            return self.auth == "keys"
        return self.is_production or not is_loopback(self.http_host)

    @property
    def no_callbacks(self) -> str:
        """The reason why the service sends no callbacks; empty if it sends them.

        In production, callbacks must be signed.
        """
        if not self.is_production or self.callback_secret is not None:
            return ""
        return (
            "This service cannot sign callbacks. Its operator has to set TASKS_CALLBACK_SECRET "
            "in production."
        )

    @property
    def has_io_pool(self) -> bool:
        return self.io_concurrency > 0

    @property
    def max_io_runs_per_host(self) -> int:
        """Runs of an I/O pool that may wait for one host at a time."""
        return self.io_per_host or max(self.io_concurrency // 2, 1)

    @property
    def redis_is_on_this_host(self) -> bool:
        """True if Redis is reached by a Unix socket."""
        return self.redis_url is not None and self.redis_url.startswith("unix://")

    @property
    def lease(self) -> timedelta:
        return timedelta(seconds=self.lease_seconds)

    @property
    def retention(self) -> timedelta:
        return timedelta(seconds=self.retention_seconds)

    @property
    def shutdown_grace(self) -> timedelta:
        return timedelta(seconds=self.shutdown_grace_seconds)

    def require_redis(self) -> str:
        """Return the URL of Redis. Raises InvalidSettings without one; only `local` needs none."""
        if self.redis_url is None:
            raise InvalidSettings(
                [
                    "TASKS_REDIS_URL is not set. Set it to redis://[:password@]host:port/db, "
                    "unix:///path?db=0 or sentinel://host:port,host:port/service, or start "
                    "everything with an embedded server: task-manager local"
                ]
            )
        return self.redis_url


def is_loopback(host: str) -> bool:
    """Return whether an address or name to listen on is reached from this host alone."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host.lower() == "localhost"


def authority(host: str, port: int) -> str:
    """Return host and port as they appear in a URL (RFC 3986)."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def without_secrets(url: str) -> str:
    """Return a URL with *** for its user, its password and the values of its options."""
    if SentinelUrl.matches(url):
        return masked(url)
    parts = urlsplit(url)
    user = "***@" if "@" in parts.netloc else ""
    query = "&".join(f"{name}=***" for name, _ in parse_qsl(parts.query, keep_blank_values=True))
    address = f"{user}{parts.netloc.rpartition('@')[2]}{parts.path}"
    return f"{parts.scheme}://{address}" + (query and f"?{query}")
