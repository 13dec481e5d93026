"""Settings: read from the environment once, checked as a whole. The only reader of the environment."""

import base64
import binascii
import difflib
import os
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from datetime import timedelta
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import Any
from urllib.parse import SplitResult, parse_qsl, unquote_to_bytes, urlsplit

from environs import EnvValidationError, FileAwareEnv, ValidationError, validate

from domain.task_spec import QUEUE

PREFIX = "TASKS_"
SECRETS = {"TASKS_REDIS_URL", "TASKS_CALLBACK_SECRET"}
TLS_FILES = ("ssl_ca_certs", "ssl_certfile", "ssl_keyfile")
"""Options of a rediss:// URL: the authorities to trust, and the certificate and key to show."""
SECRET_PREFIX, SECRET_BYTES = "whsec_", range(24, 65)
MIN_EMBEDDED_MEMORY_MB = 16
MAX_SOCKET_PATH_BYTES = 103
"""sockaddr_un(7) holds 104 bytes on macOS and 108 on Linux, with a zero at the end."""
HOST_NAME = r"(?i:[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?)(?i:\.[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?)*\.?"
ENVIRONMENTS = "must be development or production"
HOST = "must be an address of this machine, such as 127.0.0.1, or 0.0.0.0 for all of them"


class InvalidSettings(Exception):
    """The environment does not describe a service; the message lists everything that is wrong with it."""

    def __init__(self, problems: list[str]) -> None:
        lines = "\n".join(f"  - {problem}" for problem in problems)
        super().__init__(f"The settings are not valid:\n{lines}\nSee the table of settings in README.md.")
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
    data_dir: Path
    worker_concurrency: int
    queues: tuple[str, ...]
    lease_seconds: int
    retention_seconds: int
    max_body_bytes: int
    max_batch_bytes: int
    max_result_bytes: int
    handlers: tuple[str, ...]
    http_allowed_hosts: tuple[str, ...]
    http_allowed_networks: tuple[str, ...]
    callback_secret: str | None
    shutdown_grace_seconds: int
    child_max_runs: int
    child_max_memory: int
    """MiB."""
    events_kept: int
    max_queues: int
    env: str
    embedded_max_memory_mb: int | None = None

    @property
    def is_production(self) -> bool:
        return self.env == "production"

    @property
    def no_callbacks(self) -> str:
        """Why the service sends no callbacks; empty when it sends them. In production, all must be signed."""
        if not self.is_production or self.callback_secret is not None:
            return ""
        return "This service cannot sign callbacks: its operator has to set TASKS_CALLBACK_SECRET in production."

    @property
    def redis_is_on_this_host(self) -> bool:
        """Whether Redis is reached by a Unix socket."""
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
        """The URL of Redis; raises InvalidSettings without one, which only `local` can do without."""
        if self.redis_url is None:
            raise InvalidSettings(
                [
                    "TASKS_REDIS_URL is not set; it must be redis://[:password@]host:port/db or "
                    "unix:///path?db=0. Or start everything with an embedded server: task-manager local"
                ]
            )
        return self.redis_url


def authority(host: str, port: int) -> str:
    """Host and port as in a URL (RFC 3986)."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def without_secrets(url: str) -> str:
    """Return a URL with *** for its user, its password and the values of its options."""
    parts = urlsplit(url)
    user = "***@" if "@" in parts.netloc else ""
    query = "&".join(f"{name}=***" for name, _ in parse_qsl(parts.query, keep_blank_values=True))
    return f"{parts.scheme}://{user}{parts.netloc.rpartition('@')[2]}{parts.path}" + (query and f"?{query}")


def load_settings() -> Settings:
    """Raises InvalidSettings with every problem at once."""
    env = FileAwareEnv(eager=False, prefix=PREFIX, strip_whitespace=True)
    values: dict[str, Any] = {}
    problems = _unknown(os.environ)
    try:
        values = _read(env)
        env.seal()
    except EnvValidationError as error:
        messages: Any = error.error_messages
        problems += [_problem(name, messages[name]) for name in messages]
    except (OSError, ValueError) as error:
        problems.append(f"a file that a setting ending in _FILE names cannot be read: {error}")
    if problems:
        raise InvalidSettings(sorted(problems))
    lists = {name: tuple(value) for name, value in values.items() if isinstance(value, list)}
    return Settings(**{**values, **lists, "data_dir": Path(values["data_dir"])})


def _read(env: FileAwareEnv) -> dict[str, Any]:
    """Raises ValueError for a file that cannot be read; all else that is wrong is kept for `seal`."""
    return {
        "http_host": env.str("HTTP_HOST", "127.0.0.1", validate=validate.Length(min=1, error=HOST)),
        "http_port": _whole(env, "HTTP_PORT", 5000, 1, 65_535),
        "http_workers": _whole(env, "HTTP_WORKERS", 2, 1, 64),
        "http_body_seconds": _whole(env, "HTTP_BODY_SECONDS", 30, 1, 3_600),
        "http_pending_per_client": _whole(env, "HTTP_PENDING_PER_CLIENT", 512, 1, 10_000),
        "redis_url": env.str("REDIS_URL", None, validate=_redis_url),
        "embedded_max_memory_mb": _whole(env, "EMBEDDED_MAX_MEMORY_MB", None, MIN_EMBEDDED_MEMORY_MB, 1024 * 1024),
        "data_dir": env.str("DATA_DIR", ".data", validate=validate.Length(min=1, error="must name a folder")),
        "worker_concurrency": _whole(env, "WORKER_CONCURRENCY", 2 * (os.cpu_count() or 1), 1, 1_000),
        "queues": env.list("QUEUES", ["default"], subcast=_stripped, validate=_queues),
        "lease_seconds": _whole(env, "LEASE_SECONDS", 15, 3, 3_600),
        "retention_seconds": _whole(env, "RETENTION_SECONDS", 604_800, 1, 10 * 365 * 86_400),
        "max_body_bytes": _whole(env, "MAX_BODY_BYTES", 262_144, 1_024, 512 * 1024 * 1024),
        "max_batch_bytes": _whole(env, "MAX_BATCH_BYTES", 8 * 1024 * 1024, 1_024, 512 * 1024 * 1024),
        "max_result_bytes": _whole(env, "MAX_RESULT_BYTES", 1024 * 1024, 1_024, 512 * 1024 * 1024),
        "handlers": env.list("HANDLERS", [], subcast=_stripped, validate=_handlers),
        "http_allowed_hosts": env.list("HTTP_ALLOWED_HOSTS", [], subcast=_stripped, validate=_hosts),
        "http_allowed_networks": env.list("HTTP_ALLOWED_NETWORKS", [], subcast=_stripped, validate=_networks),
        "callback_secret": env.str("CALLBACK_SECRET", None, validate=_secret),
        "shutdown_grace_seconds": _whole(env, "SHUTDOWN_GRACE_SECONDS", 20, 0, 3_600),
        "child_max_runs": _whole(env, "CHILD_MAX_RUNS", 0, 0, 1_000_000_000),
        "child_max_memory": _whole(env, "CHILD_MAX_MEMORY", 0, 0, 1024 * 1024),
        "events_kept": _whole(env, "EVENTS_KEPT", 100_000, 1_000, 100_000_000),
        "max_queues": _whole(env, "MAX_QUEUES", 1_000, 1, 100_000),
        "env": env.str(
            "ENV", "development", validate=validate.OneOf(["development", "production"], error=ENVIRONMENTS)
        ),
    }


def child_environment(**overrides: str) -> dict[str, str]:
    """The environment for a process of this service that this one starts."""
    return {**os.environ, **overrides}


def hide_secrets() -> None:
    """Remove the secrets, and the names of files that hold them, from the environment of this process.

    Call this after `load_settings`. Programs that are started later do not get them either. /proc/<pid>/environ still
    shows the environment that the process was started with.
    """
    for name in SECRETS:
        os.environ.pop(name, None)
        os.environ.pop(f"{name}_FILE", None)


def environment_restorer() -> Callable[[], None]:
    """Return a function that makes the environment what it is now. It costs 0.3 microseconds without a change."""
    kept = dict(os.environ)
    raw: dict[bytes, bytes] = getattr(os.environ, "_data")  # noqa: B009 - private; a public comparison costs 20 µs
    kept_raw = dict(raw)

    def restore() -> None:
        if raw == kept_raw:
            return
        for name in [name for name in os.environ if name not in kept]:
            del os.environ[name]
        os.environ.update(kept)
        time.tzset()

    return restore


def _whole(env: FileAwareEnv, name: str, default: int | None, low: int, high: int) -> Any:
    allowed = f"must be a whole number from {low} to {high}"
    read: Any = env.int  # its type lacks error_messages, which it passes on to marshmallow
    return read(name, default, validate=validate.Range(low, high, error=allowed), error_messages={"invalid": allowed})


def _stripped(text: str) -> str:
    return text.strip()


def _redis_url(url: str | None) -> None:
    if url is None:
        return
    try:
        parts = urlsplit(url)
        whole = _names_socket(parts) if parts.scheme == "unix" else _names_host(parts)
    except ValueError:
        whole = False
    if not whole:
        raise ValidationError(
            "must be redis:// or rediss:// with [:password@]host[:port] and the number of a database, or "
            f"unix:///path?db=number with the path of a socket of at most {MAX_SOCKET_PATH_BYTES} bytes"
        )
    if parts.scheme != "unix":
        _check_options(parts)


def _check_options(parts: SplitResult) -> None:
    """Raise ValidationError for an option that one of the two Redis clients of a process would not understand."""
    allowed = TLS_FILES if parts.scheme == "rediss" else ()
    options = parse_qsl(parts.query, keep_blank_values=True)
    shown = without_secrets(parts.geturl())
    if unknown := [name for name, _ in options if name not in allowed]:
        raise ValidationError(
            f"{shown} has the option {unknown[0]!r}, which does not exist here. Leave it out. "
            f"redis:// takes no options, rediss:// takes {', '.join(TLS_FILES)}, unix:// takes db"
        )
    for name, path in options:
        try:
            Path(path).read_bytes()
        except (OSError, ValueError) as error:
            reason = error.strerror if isinstance(error, OSError) else error
            raise ValidationError(
                f"{shown} has the option {name}, which must name a file that can be read: {reason}"
            ) from None


def _names_host(parts: SplitResult) -> bool:
    named = bool(parts.hostname) and parts.scheme in {"redis", "rediss"} and parts.port != 0
    return named and bool(re.fullmatch(r"(/[0-9]{0,5})?", parts.path))


def _names_socket(parts: SplitResult) -> bool:
    path = unquote_to_bytes(parts.path)
    named = not parts.hostname and parts.port is None and path.startswith(b"/") and not parts.fragment
    return named and 1 < len(path) <= MAX_SOCKET_PATH_BYTES and bool(re.fullmatch(r"(db=[0-9]{1,5})?", parts.query))


def _queues(names: list[str]) -> None:
    wrong = [name for name in names if not re.fullmatch(QUEUE, name)]
    if wrong or not names:
        raise ValidationError("must be names of 1 to 63 of a-z, 0-9, hyphen and underscore, separated by commas")


def _handlers(names: list[str]) -> None:
    if any(not re.fullmatch(r"[^\W\d]\w*(\.[^\W\d]\w*)*(:[^\W\d]\w*)?", name) for name in names):
        raise ValidationError("must be modules or module:functions, separated by commas, such as shop.tasks")


def _hosts(hosts: list[str]) -> None:
    if any(host != "*" and not re.fullmatch(HOST_NAME, host) and not _is_address(host) for host in hosts):
        raise ValidationError(
            "must be host names or addresses without scheme and port, such as tasks.example.com, separated by commas; "
            "* allows every host"
        )


def _is_address(host: str) -> bool:
    try:
        ip_address(host.removeprefix("[").removesuffix("]"))
    except ValueError:
        return False
    return True


def _networks(networks: list[str]) -> None:
    for network in networks:
        try:
            ip_network(network)
        except ValueError as error:
            raise ValidationError(f"must be networks such as 10.1.0.0/16, separated by commas: {error}") from None


def _secret(secret: str | None) -> None:
    """As Standard Webhooks has it."""
    if secret is None:
        return
    try:
        key = base64.b64decode(secret.removeprefix(SECRET_PREFIX), validate=True)
    except binascii.Error:
        key = b""
    if not secret.startswith(SECRET_PREFIX) or len(key) not in SECRET_BYTES:
        raise ValidationError(
            "must be whsec_ and 24 to 64 bytes in base64; make one: "
            "python -c 'import base64, secrets; print(\"whsec_\" + base64.b64encode(secrets.token_bytes(32)).decode())'"
        )


def _problem(name: str, messages: Any) -> str:
    message = "; ".join(str(part).rstrip(".") for part in messages)
    if name in SECRETS or name not in os.environ:
        return f"{name} (secrets are not shown): {message}"
    return f"{name} is {os.environ[name]!r}: {message}"


def _unknown(environ: Mapping[str, str]) -> list[str]:
    known = [PREFIX + member.name.upper() for member in fields(Settings)]
    known += [f"{name}_FILE" for name in known]
    return [
        f"{name} is not a setting"
        + "".join(f"; did you mean {near}?" for near in difflib.get_close_matches(name, known, 1))
        for name in environ
        if name.startswith(PREFIX) and name not in known
    ]
