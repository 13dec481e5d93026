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
from entrypoints.local.supervisor import LifeSign, Service, Supervisor, popen
from entrypoints.own_http import base_url, get
from entrypoints.settings import Settings, child_environment

STOP_MARGIN_SECONDS = 5.0

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
            self._redis = EmbeddedRedis(directory.path)
        self._url = base_url(settings)
        self._redis_url = self._redis.url if self._redis else str(settings.redis_url)
        self._container = build_container(replace(settings, redis_url=self._redis_url))
        self._supervisor = Supervisor(self._services(), say=_say, is_stopped=self._container.process_is_stopped())
        self._banner_shown = False

    def run(self) -> None:
        """Until SIGTERM, SIGHUP or Ctrl-C."""
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, lambda *_: self._supervisor.stop())
        try:
            self._supervisor.start()
        except BaseException:
            self._supervisor.end_all()
            raise
        self._supervisor.run(each_poll=self._show_banner_once)
        _say("All stopped.")

    def _services(self) -> list[Service]:
        grace = self._settings.shutdown_grace_seconds + STOP_MARGIN_SECONDS
        services = [self._service(name, grace) for name in ("api", "maintenance", "worker")]
        if self._redis is not None:
            redis, lock = self._redis, self._directory.descriptor
            start = partial(popen, pass_fds=(lock,))  # the files are taken until the server has ended
            sign = LifeSign(shown_by=lambda pid: redis.replies(), missing="no reply to PING")
            _say(f"{'redis':<12} embedded server on {redis.where}")
            services.insert(0, Service("redis", lambda: redis.start(start), STOP_MARGIN_SECONDS, sign))
        return services

    def _service(self, name: str, stop_seconds: float) -> Service:
        environment = child_environment(TASKS_REDIS_URL=self._redis_url)
        command = [sys.executable, "-m", "entrypoints.cli", name]
        return Service(name, lambda: popen(command, env=environment), stop_seconds, self._life_sign(name))

    def _life_sign(self, name: str) -> LifeSign:
        if name == "api":
            return LifeSign(shown_by=HttpSign(f"{self._url}/livez"), missing="no response of GET /livez")
        sign = HeartbeatSign(self._container.heartbeats(), name)
        return LifeSign(shown_by=sign, missing="no heartbeat in Redis")

    def _show_banner_once(self) -> None:
        if not self._banner_shown and self._is_ready():
            self._banner_shown = True
            kept_in = urlsplit(self._settings.redis_url).hostname if self._settings.redis_url else self._directory.path
            _say(BANNER.format(url=self._url, data=kept_in))

    def _is_ready(self) -> bool:
        try:
            with get(f"{self._url}/readyz", seconds=1) as answer:
                return bool(json.load(answer)["status"] == "ready")
        except (OSError, ValueError):
            return False


def _say(line: str) -> None:
    with suppress(OSError):  # the terminal may be closed; what it would have shown must not stop the shutdown
        print(line, flush=True)
