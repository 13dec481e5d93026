"""A whole service for one row: server, API, maintenance, workers, and its accepted tasks."""

import contextlib
import os
import random
import signal
import sys
import time
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Self

import requests

from adapters.celery.app import create_celery_app
from adapters.celery.wake_ups import WakeUpFactory
from adapters.redis.connection import connect
from adapters.redis.store import RedisStore
from adapters.redis.task_repository import RedisTaskRepository
from adapters.system.task_ids import UuidTaskIds
from application.ports.task_repository import Change
from domain.task import Task
from domain.task_spec import TaskSpec
from tests.chaos.checker import Counts, count
from tests.chaos.journal import JOURNAL, Execution, Journal
from tests.chaos.proxy import Proxy
from tests.chaos.server import ChaosServer
from tests.chaos.watched_servers import WatchedServers
from tests.chaos.worker import CRASH_DIR
from tests.integration.processes import Api, ServiceProcess
from tests.integration.waiting import wait_until

NO_TIMEOUT = 80_000
BATCH = 500


class ChaosWorker(ServiceProcess):
    def __init__(self, log: Path, environment: dict[str, str], **settings: object) -> None:
        super().__init__("worker", log, **settings)
        self._arguments = [sys.executable, "-m", "tests.chaos.worker"]
        self._environment |= environment


class ChaosMaintenance(ServiceProcess):
    def __init__(self, log: Path, environment: dict[str, str], **settings: object) -> None:
        super().__init__("maintenance", log, **settings)
        self._arguments = [sys.executable, "-m", "tests.chaos.maintenance"]
        self._environment |= environment


class Site:
    """Leaving the context kills every process of the service and of the server."""

    def __init__(
        self,
        directory: Path,
        *,
        lease: int = 15,
        fsync: str = "everysec",
        kind_of_server: type[ChaosServer] | type[WatchedServers] = ChaosServer,
    ) -> None:
        directory.mkdir(parents=True)
        self.directory = directory
        self.lease = lease
        self.server: Any = kind_of_server(directory / "redis", fsync)
        self.accepted: list[str] = []
        self.crash_points = directory / "crash"
        self.crash_points.mkdir()
        self.api: Api
        self._stack = contextlib.ExitStack()
        self._names = 0

    def __enter__(self) -> Self:
        self.server.start()
        self._stack.callback(self.server.kill)
        self.journal = self._stack.enter_context(Journal(self.directory / "journal"))
        wake_up_factory = WakeUpFactory(create_celery_app(self.server.url, ["default"]))
        self.wake_up = wake_up_factory.wake_up_of("default")
        self.repository = RedisTaskRepository(
            RedisStore(connect(self.server.url)), wake_up_factory.wake_up_of, 100_000
        )
        self.session = self._stack.enter_context(requests.Session())
        self._ids = UuidTaskIds()
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.__exit__(None, None, None)

    def with_api(self, **settings: object) -> Api:
        log = self._log("api")
        self.api = self._stack.enter_context(
            Api(
                log,
                **{
                    "redis_url": self.server.url,
                    "http_workers": 1,
                    "lease_seconds": self.lease,
                    **settings,
                },
            )
        )
        return self.api

    def with_maintenance(self, **settings: object) -> ServiceProcess:
        log = self._log("maintenance")
        process = ServiceProcess(
            "maintenance", log, redis_url=self.server.url, lease_seconds=self.lease, **settings
        )
        return self._stack.enter_context(process)

    def with_chaos_maintenance(self) -> ServiceProcess:
        """Start a maintenance process that dies at the points which are armed."""
        process = ChaosMaintenance(
            self._log("maintenance"),
            {CRASH_DIR: str(self.crash_points)},
            redis_url=self.server.url,
            lease_seconds=self.lease,
        )
        return self._stack.enter_context(process)

    def with_service(self, concurrency: int = 2, **settings: object) -> ChaosWorker:
        """Start the API, maintenance and one worker with these settings. Returns the worker."""
        self.with_api()
        self.with_maintenance()
        return self.with_worker(concurrency, **settings)

    def with_worker(
        self, concurrency: int = 2, *, host: str = "here", through: Proxy | None = None,
        ready: bool = True,
        environment: dict[str, str] | None = None, **settings: object,
    ) -> ChaosWorker:  # fmt: skip
        """Start a worker. Workers of one `host` share the folder that proves others dead."""
        url = self.url_through(through) if through else self.server.url
        before = len(self.journal.lives)
        worker = ChaosWorker(
            self._log("worker"),
            {
                JOURNAL: str(self.journal.path),
                CRASH_DIR: str(self.crash_points),
                **(environment or {}),
            },
            **{
                "redis_url": url,
                "worker_concurrency": concurrency,
                "io_concurrency": 0,  # a row that wants a pool says so
                "lease_seconds": self.lease,
                "data_dir": self.directory / host,
                **settings,
            },
        )
        self._stack.enter_context(worker)
        if ready:
            wait_until(lambda: len(self.journal.lives) >= before + concurrency, 30)
        return worker

    def url_through(self, proxy: Proxy) -> str:
        return self.server.url.replace(f":{self.server.port}/", f":{proxy.port}/")

    def with_proxy(self) -> Proxy:
        return self._stack.enter_context(Proxy(self.server.port))

    def submit(
        self, do: str = "sleep", ms: int = 0, *, timeout: int = NO_TIMEOUT, **labels: str
    ) -> str:
        """Submit a task through the API. Raises requests.RequestException when it is refused."""
        response = self.post(do, ms, timeout=timeout, **labels)
        response.raise_for_status()
        task_id: str = response.json()["task_id"]
        return task_id

    def begin(
        self,
        number: int,
        do: str = "sleep",
        *,
        ms: int = 0,
        timeout: int = NO_TIMEOUT,
        **labels: str,
    ) -> list[Execution]:
        """Submit so many tasks and wait until each of them runs. Returns their runs."""
        ids = [self.submit(do, ms, timeout=timeout, **labels) for _ in range(number)]
        return [self.journal.wait_start(task_id) for task_id in ids]

    def again(self, runs: Iterable[Execution], seconds: float = 40) -> list[Execution]:
        """Wait for the second run of each of these tasks. Returns those runs."""
        return [self.journal.wait_start(run.task_id, nth=2, seconds=seconds) for run in runs]

    def deaths(self, runs: Iterable[Execution], seconds: float) -> list[float]:
        """Wait until the process of each run is dead. Returns the moments."""
        return [self.journal.wait_death(run.life, seconds) for run in runs]

    def accepts(self) -> bool:
        """Submit a task. Returns whether it was accepted."""
        with contextlib.suppress(requests.RequestException):
            return self.post().ok
        return False

    def post(
        self, do: str = "sleep", ms: int = 0, *, timeout: int = NO_TIMEOUT,
        session: requests.Session | None = None,
        **labels: str,
    ) -> requests.Response:  # fmt: skip
        body = {
            "task_name": do,
            "duration": 1,
            "timeout": timeout,
            "labels": {"do": do, "ms": str(ms), **labels},
        }
        response = (session or self.session).post(self.url("/tasks"), json=body, timeout=30)
        if response.ok:
            self.accepted.append(response.json()["task_id"])
        return response

    def url(self, path: str) -> str:
        return f"http://127.0.0.1:{self.api.port}{path}"

    def cancel(self, task_id: str) -> requests.Response:
        return self.session.post(self.url(f"/tasks/{task_id}/cancel"), timeout=10)

    def flood(
        self,
        number: int,
        do: str = "sleep",
        ms: int | Sequence[int] = 0,
        callback_url: str | None = None,
    ) -> list[str]:
        """Put many tasks straight into the store, by the same saves that the API makes."""
        times = ms if isinstance(ms, Sequence) else [ms] * number
        now = datetime.fromtimestamp(self.server.client.time()[0], UTC)
        ids: list[str] = []
        for start in range(0, number, BATCH):
            tasks = [
                Task.submit(
                    self._ids.next(),
                    TaskSpec(
                        task_name=do,
                        duration=1,
                        timeout=NO_TIMEOUT,
                        labels={"do": do, "ms": str(each)},
                        callback_url=callback_url,
                    ),
                    now,
                )
                for each in times[start : start + BATCH]
            ]
            self.repository.save_many([Change(before=None, after=task) for task in tasks])
            ids += [task.task_id for task in tasks]
        self.accepted += ids
        return ids

    def settle(self, seconds: float, ids: Iterable[str] | None = None) -> bool:
        """Wait until these tasks, else all accepted ones, are final. Returns whether they are."""
        deadline = time.monotonic() + seconds
        left = list(self.accepted if ids is None else ids)
        while left and time.monotonic() < deadline:
            tasks = self.tasks(left[:BATCH])
            done = {
                task_id
                for task_id in left[:BATCH]
                if task_id not in tasks or tasks[task_id].status.is_final
            }
            left = [task_id for task_id in left if task_id not in done]
            if not done:
                time.sleep(0.02)
        return not left

    def task(self, task_id: str) -> Task:
        return self.tasks([task_id])[task_id]

    def tasks(self, ids: Iterable[str] | None = None) -> dict[str, Task]:
        ids = list(self.accepted if ids is None else ids)
        found: dict[str, Task] = {}
        for start in range(0, len(ids), BATCH):
            raw = [
                bytes.fromhex(task_id.replace("-", "")) for task_id in ids[start : start + BATCH]
            ]
            found |= {task.task_id: task for task in self.repository.records.whole(raw)}
        return found

    def counts(self) -> Counts:
        """Count what must not be, after `settle`. The journal gets 2 s to see the last lines."""
        records = self.tasks()
        with contextlib.suppress(AssertionError):
            wait_until(lambda: not self._unseen(records), 2)
        return count(self.accepted, records, self.journal.executions)

    def crashes(self, ids: Iterable[str] | None = None) -> int:
        return sum(task.crashes for task in self.tasks(ids).values())

    def running(self, number: int, seconds: float = 20) -> list[Execution]:
        """Wait until at least so many executions run. Returns them."""

        def found() -> list[Execution]:
            runs = [run for run in self.journal.all() if run.over == float("inf")]
            return runs if len(runs) >= number else []

        return wait_until(found, seconds, every=0.005)

    def arm(self, point: str) -> Path:
        """Kill the next process that comes to the point. Its file is gone once it died."""
        path = self.crash_points / point
        path.touch()
        return path

    def _unseen(self, records: dict[str, Task]) -> bool:
        return any(
            task.status == "COMPLETED" and not any(run.how for run in self.journal.of(task_id))
            for task_id, task in records.items()
        )

    def _log(self, name: str) -> Path:
        self._names += 1
        return self.directory / f"{self._names:02}-{name}.log"


def kill(run: Execution) -> float:
    """Send SIGKILL to the process of an execution. Returns the moment."""
    os.kill(run.life.pid, signal.SIGKILL)
    return time.monotonic()


def pause(shortest: float, longest: float) -> None:
    """Wait a random time, so that each fault meets another point of a run."""
    time.sleep(random.uniform(shortest, longest))
