"""The only reader of the environment: reads all settings once and checks them as a whole."""

import difflib
import os
import time
from collections.abc import Callable, Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

from environs import EnvValidationError, FileAwareEnv, validate

from entrypoints import setting_rules as rules
from entrypoints.settings import MIN_EMBEDDED_MEMORY_MB, InvalidSettings, Settings

PREFIX = "TASKS_"
MAX_REPLICAS = 16
SECRETS = {"TASKS_REDIS_URL", "TASKS_CALLBACK_SECRET", "TASKS_TOKEN"}
TRACE_ENDPOINTS = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")
TRACE_PROTOCOLS = ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL")
TRACE_PROTOCOL = "http/protobuf"
CLIENT = {"TASKS_URL", "TASKS_TOKEN", "TASKS_TOKEN_FILE"}
"""Names that task-manager-client reads. The service ignores them."""


class UnreadableFile(Exception):
    """A file that a setting ending in _FILE names cannot be read."""


class SettingsEnv(FileAwareEnv):
    """A reader whose errors name the setting, the file and the reason."""

    def _get_value(self, env_key: str, default: Any) -> Any:
        try:
            return super()._get_value(env_key, default)
        except (OSError, ValueError) as error:
            # Instead of a path, the variable of a secret may hold the secret: it is not shown.
            name, cause = f"{env_key}_FILE", error.__cause__ or error
            reason = cause.strerror if isinstance(cause, OSError) else cause
            path = "its file" if env_key in SECRETS else repr(os.environ[name])
            raise UnreadableFile(f"{name}: cannot read {path}: {reason}") from error


def load_settings() -> Settings:
    """Read the settings. Raises InvalidSettings with all problems at once."""
    env = SettingsEnv(eager=False, prefix=PREFIX, strip_whitespace=True)
    values: dict[str, Any] = {}
    problems = _unknown_names(os.environ)
    try:
        values = _read(env)
        env.seal()
    except EnvValidationError as error:
        messages: Any = error.error_messages
        problems += [_problem(name, messages[name]) for name in messages]
    except UnreadableFile as error:
        problems.append(str(error))
    if problems:
        raise InvalidSettings(sorted(problems))
    lists = {name: tuple(value) for name, value in values.items() if isinstance(value, list)}
    return Settings(**{**values, **lists, "data_dir": Path(values["data_dir"])})


def _read(env: FileAwareEnv) -> dict[str, Any]:
    """Read every setting. Invalid values are collected until `env.seal`.

    Raises UnreadableFile.
    """
    return {
        **_read_http(env),
        **_read_limits(env),
        "redis_url": env.str("REDIS_URL", None, validate=rules.check_redis_url),
        "redis_min_replicas": _whole(env, "REDIS_MIN_REPLICAS", 0, 0, MAX_REPLICAS),
        "data_dir": env.str("DATA_DIR", ".data", validate=rules.FOLDER),
        "queues": env.list("QUEUES", ["default"], subcast=_stripped, validate=rules.check_queues),
        "handlers": env.list("HANDLERS", [], subcast=_stripped, validate=rules.check_handlers),
        "callback_secret": env.str("CALLBACK_SECRET", None, validate=rules.check_secret),
        "auth": env.str("AUTH", None, validate=rules.AUTH),
        "env": env.str("ENV", "development", validate=rules.ENVIRONMENT),
    }


def _read_http(env: FileAwareEnv) -> dict[str, Any]:
    networks, hosts = rules.check_networks, rules.check_hosts
    return {
        "http_host": env.str("HTTP_HOST", "127.0.0.1", validate=rules.LISTENING_ADDRESS),
        "http_port": _whole(env, "HTTP_PORT", 5000, 1, 65_535),
        "http_workers": _whole(env, "HTTP_WORKERS", 2, 1, 64),
        "http_body_seconds": _whole(env, "HTTP_BODY_SECONDS", 30, 1, 3_600),
        "http_pending_per_client": _whole(env, "HTTP_PENDING_PER_CLIENT", 512, 1, 10_000),
        "http_allowed_hosts": env.list("HTTP_ALLOWED_HOSTS", [], subcast=_stripped, validate=hosts),
        "http_allowed_networks": env.list(
            "HTTP_ALLOWED_NETWORKS", [], subcast=_stripped, validate=networks
        ),
        "http_trusted_proxies": env.list(
            "HTTP_TRUSTED_PROXIES", [], subcast=_stripped, validate=networks
        ),
    }


def _read_limits(env: FileAwareEnv) -> dict[str, Any]:
    mebibyte, processors = 1024 * 1024, os.cpu_count() or 1
    most_bytes = 512 * mebibyte
    return {
        "worker_concurrency": _whole(env, "WORKER_CONCURRENCY", 2 * processors, 1, 1_000),
        "lease_seconds": _whole(env, "LEASE_SECONDS", 15, 3, 3_600),
        "retention_seconds": _whole(env, "RETENTION_SECONDS", 604_800, 1, 10 * 365 * 86_400),
        "max_body_bytes": _whole(env, "MAX_BODY_BYTES", 262_144, 1_024, most_bytes),
        "max_batch_bytes": _whole(env, "MAX_BATCH_BYTES", 8 * mebibyte, 1_024, most_bytes),
        "max_result_bytes": _whole(env, "MAX_RESULT_BYTES", mebibyte, 1_024, most_bytes),
        "shutdown_grace_seconds": _whole(env, "SHUTDOWN_GRACE_SECONDS", 20, 0, 3_600),
        "child_max_runs": _whole(env, "CHILD_MAX_RUNS", 0, 0, 1_000_000_000),
        "child_max_memory": _whole(env, "CHILD_MAX_MEMORY", 0, 0, 1024 * 1024),
        "events_kept": _whole(env, "EVENTS_KEPT", 100_000, 1_000, 100_000_000),
        "max_queues": _whole(env, "MAX_QUEUES", 1_000, 1, 100_000),
        "http_cache_mb": _whole(env, "HTTP_CACHE_MB", 32, 0, 16 * 1024),
        "embedded_max_memory_mb": _whole(
            env, "EMBEDDED_MAX_MEMORY_MB", None, MIN_EMBEDDED_MEMORY_MB, 1024 * 1024
        ),
    }


def read_trace_settings() -> tuple[bool, str]:
    """Return whether the OTEL_ variables ask for traces, and why there can be none; "" if they can.

    They do if they name an endpoint or the exporter. OpenTelemetry's SDK reads the other ones.
    """
    read = {name: value.strip() for name, value in os.environ.items() if name.startswith("OTEL_")}
    exporter = read.get("OTEL_TRACES_EXPORTER", "").lower()
    if exporter == "none" or read.get("OTEL_SDK_DISABLED", "").lower() == "true":
        return False, ""
    if not exporter and not any(read.get(name) for name in TRACE_ENDPOINTS):
        return False, ""
    if exporter not in ("", "otlp"):
        return True, f"OTEL_TRACES_EXPORTER is {exporter!r}, and only otlp is supported"
    for name in TRACE_PROTOCOLS:
        if given := read.get(name):
            wrong = f"{name} is {given!r}, and only {TRACE_PROTOCOL} is supported"
            return True, "" if given == TRACE_PROTOCOL else wrong
    return True, ""


def child_environment(**overrides: str) -> dict[str, str]:
    """Return the environment for a process of this service that this one starts."""
    return {**os.environ, **overrides}


def hide_secrets() -> None:
    """Remove the secrets, and the names of files that hold them, from this process's environment.

    Call this after `load_settings`. Programs that are started later do not get them either.
    /proc/<pid>/environ still shows the environment with which the process was started.
    """
    for name in SECRETS:
        os.environ.pop(name, None)
        os.environ.pop(f"{name}_FILE", None)


def environment_restorer() -> Callable[[], None]:
    """Return a function that restores the present environment.

    The function takes 0.3 microseconds if nothing has changed.
    """
    saved = dict(os.environ)
    raw: dict[bytes, bytes] = getattr(os.environ, "_data")  # noqa: B009 - private; a public comparison costs 20 µs
    saved_raw = dict(raw)

    def restore() -> None:
        if raw == saved_raw:
            return
        for name in [name for name in os.environ if name not in saved]:
            del os.environ[name]
        os.environ.update(saved)
        time.tzset()

    return restore


def _whole(env: FileAwareEnv, name: str, default: int | None, low: int, high: int) -> Any:
    allowed = f"must be a whole number from {low} to {high}"
    read: Any = env.int  # its type lacks error_messages, which it passes on to marshmallow
    return read(
        name,
        default,
        validate=validate.Range(low, high, error=allowed),
        error_messages={"invalid": allowed},
    )


def _stripped(text: str) -> str:
    return text.strip()


def _problem(name: str, messages: Any) -> str:
    message = "; ".join(str(part).rstrip(".") for part in messages)
    if name in SECRETS:
        return f"{name} (secrets are not shown): {message}"
    if name not in os.environ:  # its value came from a file
        return f"{name}: {message}"
    return f"{name} is {os.environ[name]!r}: {message}"


def _unknown_names(environ: Mapping[str, str]) -> list[str]:
    known = [PREFIX + member.name.upper() for member in fields(Settings)]
    known += [f"{name}_FILE" for name in known]
    return [
        f"{name} is not a setting"
        + "".join(f"; did you mean {near}?" for near in difflib.get_close_matches(name, known, 1))
        for name in environ
        if name.startswith(PREFIX) and name not in known and name not in CLIENT
    ]
