"""Everything on one machine with one command: Redis unless there is one, API, worker, maintenance."""

import json
import signal
import sys
from contextlib import suppress
from dataclasses import replace
from functools import partial
from urllib.parse import urlsplit

from entrypoints.container import build_container
from entrypoints.local.data_directory import DataDirectory
from entrypoints.local.embedded_redis import EmbeddedRedis
from entrypoints.local.life_signs import HeartbeatSign, HttpSign
from entrypoints.local.machine_memory import memory_bytes
from entrypoints.local.supervisor import LifeSign, Service, Supervisor, popen
from entrypoints.own_http import base_url, get
from entrypoints.settings import MIN_EMBEDDED_MEMORY_MB, InvalidSettings, Settings, child_environment

MEBIBYTE = 2**20
STOP_MARGIN_SECONDS = 5.0

REDIS_URL_FILE = "redis.url"

BANNER = """
Task Manager API is ready: {url}

Try it in another terminal:

  curl -s {url}/tasks -H 'Content-Type: application/json' -d '{{"task_name": "test", "duration": 3}}'
  curl -s {url}/tasks

Ctrl-C stops everything; the tasks are kept in {data}.
"""


class LocalStack:
    def __init__(self, settings: Settings) -> None:
        """Raises InvalidSettings when the data directory is taken or no server can be started."""
        self._settings = settings
        self._redis: EmbeddedRedis | None = None
        if settings.redis_url is None:
            directory = DataDirectory(settings.data_dir)
            directory.lock()
            self._directory = directory
            self._redis = EmbeddedRedis(directory.path, embedded_max_memory(settings))
        self._url = base_url(settings)
        self._redis_url = self._redis.url if self._redis else str(settings.redis_url)
        self._container = build_container(replace(settings, redis_url=self._redis_url))
        self._supervisor = Supervisor(
            self._services(),
            say=_say,
            is_stopped=self._container.process_is_stopped(),
            kill_family=self._container.kill_family(),
        )
        self._banner_shown = False

    def run(self) -> None:
        """Until SIGTERM, SIGHUP or Ctrl-C. Raises ServiceFailed when the embedded server cannot start."""
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, lambda *_: self._supervisor.stop())
        try:
            self._write_redis_url()
            self._run()
        finally:
            self._discard()
        _say("All stopped.")

    def _run(self) -> None:
        try:
            self._supervisor.start()
        except BaseException:
            self._supervisor.end_all()
            raise
        self._supervisor.run(each_poll=self._show_banner_once)

    def _write_redis_url(self) -> None:
        """Tell other programs of this user how to reach the embedded server."""
        if self._redis is None:
            return
        path = self._directory.path / REDIS_URL_FILE
        try:
            path.touch(mode=0o600)
            path.write_text(self._redis.url + "\n")
        except OSError as error:
            _say(f"{'redis':<12} {str(path)!r} cannot be written: {error.strerror}")

    def _discard(self) -> None:
        if self._redis is not None:
            (self._directory.path / REDIS_URL_FILE).unlink(missing_ok=True)
            self._redis.discard()

    def _services(self) -> list[Service]:
        grace = self._settings.shutdown_grace_seconds + STOP_MARGIN_SECONDS
        services = [self._service(name, grace) for name in ("api", "maintenance", "worker")]
        if self._redis is not None:
            redis, lock = self._redis, self._directory.descriptor
            start = partial(popen, pass_fds=(lock,))  # the files are taken until the server has ended
            sign = LifeSign(shown_by=lambda pid: redis.replies(), missing="no reply to PING")
            _say(f"{'redis':<12} embedded server on {redis.where}")
            service = Service("redis", lambda: redis.start(start), STOP_MARGIN_SECONDS, life_sign=sign)
            service.answers, service.explain = redis.answers, redis.log.explain
            services.insert(0, service)
        return services

    def _service(self, name: str, stop_seconds: float) -> Service:
        environment = child_environment(TASKS_REDIS_URL=self._redis_url)
        command = [sys.executable, "-m", "entrypoints.cli", name]
        return Service(name, lambda: popen(command, env=environment), stop_seconds, life_sign=self._life_sign(name))

    def _life_sign(self, name: str) -> LifeSign:
        if name == "api":
            return LifeSign(shown_by=HttpSign(f"{self._url}/livez"), missing="no response of GET /livez")
        sign = HeartbeatSign(self._container.heartbeats(), name)
        return LifeSign(shown_by=sign, missing="no heartbeat in Redis")

    def _show_banner_once(self) -> None:
        if not self._banner_shown and self._is_ready():
            self._banner_shown = True
            _say(BANNER.format(url=self._url, data=self._kept_in()))

    def _kept_in(self) -> str:
        if self._settings.redis_url:
            server = urlsplit(self._settings.redis_url)
            return server.hostname or server.path
        return f"{self._directory.path} (Redis URL for other programs: in its file {REDIS_URL_FILE})"

    def _is_ready(self) -> bool:
        try:
            with get(f"{self._url}/readyz", seconds=1) as answer:
                return bool(json.load(answer)["status"] == "ready")
        except (OSError, ValueError):
            return False


def embedded_max_memory(settings: Settings) -> int:
    """Return the limit of the embedded server in bytes. Raises InvalidSettings for more than there is."""
    available = memory_bytes()
    if settings.embedded_max_memory_mb is None:
        return max(available // 2, MIN_EMBEDDED_MEMORY_MB * MEBIBYTE)
    wanted = settings.embedded_max_memory_mb * MEBIBYTE
    if wanted > available:
        raise InvalidSettings(
            [
                f"TASKS_EMBEDDED_MAX_MEMORY_MB is {settings.embedded_max_memory_mb}, but there are "
                f"{available // MEBIBYTE} MiB of memory here. Set it to less, or leave it out for half of them."
            ]
        )
    return wanted


def _say(line: str) -> None:
    with suppress(OSError):  # the terminal may be closed; what it would have shown must not stop the shutdown
        print(line, flush=True)
