"""Run the whole service on one machine: API, worker, maintenance and, if needed, Redis."""

import json
import signal
import socket
import sys
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import partial
from http.client import HTTPException

from application.errors import StoreUnavailable
from application.use_cases.operations.list_workers import WorkerReport
from entrypoints.container import build_container
from entrypoints.environment import child_environment
from entrypoints.local.data_directory import DataDirectory
from entrypoints.local.embedded_redis import EmbeddedRedis
from entrypoints.local.life_signs import HeartbeatSign, HttpSign
from entrypoints.local.machine_memory import memory_bytes
from entrypoints.local.supervisor import LifeSign, Service, Supervisor, popen
from entrypoints.loopback_http import base_url, get
from entrypoints.settings import (
    MIN_EMBEDDED_MEMORY_MB,
    REDIS_URL_FILE,
    InvalidSettings,
    Settings,
    without_secrets,
)

MEBIBYTE = 2**20
STOP_MARGIN_SECONDS = 5.0

BANNER = """
Dashboard: {url}/ui/

Task Manager API is ready: {url}

Try it in another terminal:

  curl -s {url}/tasks -H 'Content-Type: application/json' \\
    -d '{{"task_name": "test", "duration": 3}}'
  curl -s {url}/tasks

{stored}
Ctrl-C stops everything{exception}. Running tasks then have up to {grace} s to finish.
Ctrl-C again ends them at once.
"""


class LocalStack:
    def __init__(self, settings: Settings) -> None:
        """Lock the data directory. Raises InvalidSettings if it is in use or no server is there."""
        self._settings = settings
        self._redis: EmbeddedRedis | None = None
        if settings.redis_url is None:
            if settings.redis_min_replicas:
                raise InvalidSettings(
                    [
                        f"TASKS_REDIS_MIN_REPLICAS is {settings.redis_min_replicas}, but the "
                        "embedded server has no replicas. Set it to 0, or set TASKS_REDIS_URL."
                    ]
                )
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
            stop_order=self._stop_order,
            kill_family=self._container.kill_family(),
        )
        self._banner_shown = False

    def run(self) -> None:
        """Run until SIGTERM, SIGHUP or Ctrl-C.

        Raises ServiceFailed if the embedded server cannot start, and StoreTooNew.
        """
        for number in (signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, lambda *_: self._supervisor.stop())
        signal.signal(signal.SIGINT, self._interrupt)
        try:
            self._write_redis_url()
            self._run()
        finally:
            self._discard()
        _say("Everything has stopped.")

    def _run(self) -> None:
        try:
            self._supervisor.start()
            with suppress(StoreUnavailable):
                self._container.claim_layout().execute()
        except BaseException:
            self._supervisor.end_all()
            raise
        self._supervisor.run(each_poll=self._show_banner_once)

    def _interrupt(self, *_: object) -> None:
        """Handle Ctrl-C: the first one stops in an orderly way, the second one at once."""
        if self._supervisor.is_stopping:
            self._supervisor.end_at_once()
        else:
            self._supervisor.stop()

    def _stop_order(self, services: Sequence[Service]) -> Iterator[Sequence[Service]]:
        """Yield the services that stop together, and queue the tasks of a killed worker again.

        While tasks run, the API stays: people watch them there, and their functions may call it.
        """
        named = {service.name: service for service in services}
        worker = named["worker"].process
        reports = self._reports_of(worker.pid) if worker is not None else []
        running = None if reports is None else sum(len(report.running) for report in reports)
        if worker is not None:
            _say(_stopping_message(running, self._settings.shutdown_grace_seconds))
        groups = (
            [["worker", "maintenance", "api"]]
            if running == 0
            else [["worker", "maintenance"], ["api"]]
        )
        for group in [*groups, ["redis"]]:
            yield [named[name] for name in group if name in named]
            if "worker" in group and worker is not None and worker.returncode == -signal.SIGKILL:
                self._release(reports or [])

    def _reports_of(self, worker: int) -> Sequence[WorkerReport] | None:
        """Return the reports of the worker with this process id; None without the store."""
        try:
            reports = self._container.list_workers().execute()
        except StoreUnavailable:
            return None
        here = (socket.gethostname(), worker)
        return [
            report
            for report in reports
            if (report.heartbeat.process.host, report.heartbeat.process.pid) == here
        ]

    def _release(self, reports: Sequence[WorkerReport]) -> None:
        """Queue the tasks of a killed worker again.

        The runs did not crash, and the timeouts of the tasks must not pass until the next start.
        On systems other than Linux the processes of the worker may still be alive; the next start
        queues the tasks there.
        """
        if sys.platform != "linux":
            return
        with suppress(StoreUnavailable):
            for report in reports:
                tasks = self._container.release_runs().stopped_under(
                    f"{report.heartbeat.process.name}:"
                )
                for task in tasks:
                    _say(f"{'worker':<12} task {task.task_id} is queued again")

    def _write_redis_url(self) -> None:
        """Tell other programs of this user how to reach the embedded server."""
        if self._redis is None:
            return
        path = self._directory.path / REDIS_URL_FILE
        try:
            path.touch(mode=0o600)
            path.write_text(self._redis.url + "\n")
        except OSError as error:
            _say(f"{'redis':<12} cannot write its URL to {str(path)!r}: {error.strerror}")

    def _discard(self) -> None:
        if self._redis is not None:
            (self._directory.path / REDIS_URL_FILE).unlink(missing_ok=True)
            self._redis.discard()

    def _services(self) -> list[Service]:
        grace = self._settings.shutdown_grace_seconds + STOP_MARGIN_SECONDS
        services = [self._service(name, grace) for name in ("api", "maintenance", "worker")]
        if self._redis is not None:
            redis, lock = self._redis, self._directory.descriptor
            start = partial(popen, pass_fds=(lock,))  # the lock is held until the server has ended
            sign = LifeSign(shown_by=lambda pid: redis.replies(), missing="no reply to PING")
            _say(f"{'redis':<12} embedded server on {redis.location}")
            service = Service(
                "redis", lambda: redis.start(start), STOP_MARGIN_SECONDS, life_sign=sign
            )
            service.may_be_killed = False  # it ends in a moment, and may still have to write tasks
            service.is_ready, service.explain = redis.is_ready, redis.log.explain
            services.insert(0, service)
        return services

    def _service(self, name: str, stop_seconds: float) -> Service:
        environment = child_environment(TASKS_REDIS_URL=self._redis_url)
        command = [sys.executable, "-m", "entrypoints.cli", name]
        return Service(
            name,
            lambda: popen(command, env=environment),
            stop_seconds,
            life_sign=self._life_sign(name),
        )

    def _life_sign(self, name: str) -> LifeSign:
        if name == "api":
            return LifeSign(
                shown_by=HttpSign(f"{self._url}/livez"), missing="no response to GET /livez"
            )
        sign = HeartbeatSign(self._container.heartbeats(), name)
        return LifeSign(shown_by=sign, missing="no heartbeat in Redis")

    def _show_banner_once(self) -> None:
        if not self._banner_shown and self._is_ready():
            self._banner_shown = True
            stored, exception = self._where_tasks_are_stored()
            grace = self._settings.shutdown_grace_seconds
            _say(BANNER.format(url=self._url, stored=stored, exception=exception, grace=grace))

    def _where_tasks_are_stored(self) -> tuple[str, str]:
        """Return a sentence for the banner, and what Ctrl-C does not stop."""
        if self._settings.redis_url:
            url = without_secrets(self._settings.redis_url)
            return f"The tasks are stored in your Redis, {url}.", " but that Redis"
        folder = self._directory.path
        return (
            f"The tasks are stored in {folder} (its file {REDIS_URL_FILE} has the URL for other "
            "programs).",
            "",
        )

    def _is_ready(self) -> bool:
        try:
            with get(f"{self._url}/readyz", seconds=1) as response:
                return bool(json.load(response)["status"] == "ready")
        except (OSError, HTTPException, ValueError):
            return False


def _stopping_message(running: int | None, grace: int) -> str:
    """Return what Ctrl-C prints. `running` is the number of running tasks, None if unknown."""
    again = "Ctrl-C again ends everything at once."
    if running == 0:
        return f"\nStopping. No task is running. {again}"
    tasks = {None: "Running tasks have", 1: "1 running task has"}.get(
        running, f"{running} running tasks have"
    )
    return (
        f"\nStopping. {tasks} up to {grace} s to finish; unfinished tasks are queued again. {again}"
    )


def embedded_max_memory(settings: Settings) -> int:
    """Return the limit of the embedded server in bytes.

    Raises InvalidSettings if it exceeds the memory.
    """
    available = memory_bytes()
    if settings.embedded_max_memory_mb is None:
        return max(available // 2, MIN_EMBEDDED_MEMORY_MB * MEBIBYTE)
    wanted = settings.embedded_max_memory_mb * MEBIBYTE
    if wanted > available:
        raise InvalidSettings(
            [
                f"TASKS_EMBEDDED_MAX_MEMORY_MB is {settings.embedded_max_memory_mb}, but this "
                "machine or container has "
                f"{available // MEBIBYTE} MiB of memory. Set it to less, or remove it to use half "
                "of the memory."
            ]
        )
    return wanted


def _say(line: str) -> None:
    with suppress(OSError):  # a closed terminal must not stop the shutdown
        print(line, flush=True)
