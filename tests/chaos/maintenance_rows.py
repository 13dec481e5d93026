"""Rows about maintenance: very many tasks or queues must not hold up anything else."""

import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import redis

from adapters.celery.app import WAKE_UP_LIST_PREFIX, create_celery_app
from adapters.celery.wake_ups import WakeUpFactory
from adapters.redis.replies import milliseconds
from adapters.redis.store import RedisStore
from adapters.redis.task_repository import RedisTaskRepository
from adapters.system.task_ids import UuidTaskIds
from application.ports.task_repository import Change
from domain.status import Status
from domain.task import Task
from domain.task_spec import TaskSpec
from tests.chaos.background import Background
from tests.chaos.row import Outcome, Run, row
from tests.chaos.site import BATCH, NO_TIMEOUT, Site
from tests.integration.waiting import wait_until

DUE_TASKS = 20
SLOW_MICROSECONDS = 250_000
HEARTBEAT_SECONDS = 8.0
"""Maintenance beats every 3 s, and counts as dead after 15 s."""
MANY = 1_000_000


@row("F-34", "very many tasks expire at once beside work")
def expire_at_once(run: Run) -> Outcome:
    outcome = Outcome(repetitions=20_000 if run.quick else 150_000, limit=2.0)
    with run.site() as site:
        site.with_api()
        maintenance = site.with_maintenance()
        worker = site.with_worker(2)
        client = site.server.client
        repository = _patient_repository(site)
        wait_until(lambda: client.zcard("tm:alive:worker"))  # from here on, the queue exists
        site.session.post(site.url("/queues/default/pause"), timeout=10).raise_for_status()
        moment = _now(site) + timedelta(seconds=outcome.repetitions / 1_500 + 5)
        site.accepted += _store(
            site, [_spec(priority=9, expires_at=moment)] * outcome.repetitions, repository
        )
        site.accepted += _store(site, [_spec()] * 200, repository)
        client.config_set("slowlog-log-slower-than", SLOW_MICROSECONDS)
        client.slowlog_reset()
        wait_until(lambda: _now(site) >= moment, 200)
        with _heartbeat_ages(site) as ages:
            resumed = time.monotonic()
            site.session.post(site.url("/queues/default/resume"), timeout=10).raise_for_status()
            outcome.recoveries += _lateness(site, repository)
            first = site.journal.first_start(after=resumed, seconds=60) - resumed
            outcome.settle(site, 300)
            took = time.monotonic() - resumed
        slow = [entry["duration"] for entry in client.slowlog_get(128)]
        outcome.expect(first < 15, f"the first claim came after {first:.1f} s")
        outcome.expect(max(ages) < HEARTBEAT_SECONDS, f"a heartbeat was {max(ages):.1f} s old")
        outcome.expect(
            not slow,
            f"{len(slow)} commands held Redis for up to {max(slow, default=0) / 1e6:.2f} s",
        )
        outcome.expect_quiet(maintenance, worker)
        outcome.notes.append(
            f"(from due to queued) first claim after {first:.1f} s, all ended after {took:.0f} s, "
            f"oldest heartbeat {max(ages):.1f} s"
        )
    return outcome


@row("F-35", "very many queue names")
def many_queues(run: Run) -> Outcome:
    outcome = Outcome(repetitions=4_000 if run.quick else 20_000, limit=2.0)
    with run.site() as site:
        api = site.with_api(max_queues=100_000)
        maintenance = site.with_maintenance()
        site.with_worker(2)
        repository = _patient_repository(site)
        names = [f"q{number}" for number in range(outcome.repetitions)]
        waiting = _store(site, [_spec(queue=name) for name in names], repository)
        outcome.recoveries += _lateness(site, repository)
        began = time.monotonic()
        listed = len(api.request("GET", "/queues").json()["queues"])
        seconds = time.monotonic() - began
        outcome.expect(listed >= len(names), f"/queues listed {listed} of {len(names)}")
        outcome.expect(seconds < 10, f"/queues took {seconds:.1f} s")
        for start in range(0, len(waiting), BATCH):
            repository.remove_many(repository.get_many(waiting[start : start + BATCH]))
        removed = time.monotonic()
        outcome.recoveries += _lateness(site, repository)
        wait_until(lambda: site.server.client.scard("tm:queues") <= 1, 60)
        gone = time.monotonic() - removed
        left = list(site.server.client.scan_iter(f"{WAKE_UP_LIST_PREFIX}q*", count=1_000))
        outcome.expect(not left, f"{len(left)} lists of wake-ups were left")
        outcome.settle(site, 60)
        outcome.expect_quiet(maintenance)
        outcome.notes.append(
            f"(from due to queued) /queues took {seconds:.1f} s, names went within {gone:.1f} s"
        )
    return outcome


def _now(site: Site) -> datetime:
    return datetime.fromtimestamp(milliseconds(site.server.client.time()) / 1000, UTC)


def _spec(**members: object) -> TaskSpec:
    work = {
        "task_name": "sleep",
        "duration": 1,
        "timeout": NO_TIMEOUT,
        "labels": {"do": "sleep", "ms": "0"},
    }
    return TaskSpec(**{**work, **members})  # type: ignore[arg-type]


def _patient_repository(site: Site) -> RedisTaskRepository:
    """Return a repository with a longer time limit than the service has, for many queues."""
    wake_up_factory = WakeUpFactory(create_celery_app(site.server.url, ["default"]))
    store = RedisStore(redis.Redis.from_url(site.server.url, socket_timeout=60))
    return RedisTaskRepository(store, wake_up_factory.wake_up_of, 100_000, MANY)


def _store(site: Site, specs: Sequence[TaskSpec], repository: RedisTaskRepository) -> list[str]:
    """Put tasks straight into the store, as the API saves them. Returns their ids."""
    now, ids = _now(site), UuidTaskIds()
    tasks = [Task.submit(ids.next(), spec, now) for spec in specs]
    for start in range(0, len(tasks), BATCH):
        changes = [Change(before=None, after=task) for task in tasks[start : start + BATCH]]
        assert None not in repository.save_many(changes)
    return [task.task_id for task in tasks]


def _lateness(site: Site, repository: RedisTaskRepository) -> list[float]:
    """Schedule a task each quarter of a second. Returns by how many seconds each was late."""
    now = _now(site)
    specs = [_spec(run_at=now + timedelta(seconds=0.5 + number / 4)) for number in range(DUE_TASKS)]
    due = dict(zip(_store(site, specs, repository), (spec.run_at for spec in specs), strict=True))
    site.accepted += due
    late: dict[str, float] = {}
    deadline = time.monotonic() + 120
    while len(late) < len(due) and time.monotonic() < deadline:
        seen = _now(site)
        for task_id, task in site.tasks(due).items():
            if task.status is not Status.SCHEDULED and task_id not in late:
                late[task_id] = max((seen - due[task_id]).total_seconds(), 0)  # type: ignore[operator]
        time.sleep(0.02)
    return [late.get(task_id, 120.0) for task_id in due]


@contextmanager
def _heartbeat_ages(site: Site) -> Iterator[list[float]]:
    """Sample how many seconds old the last heartbeat of maintenance is."""
    ages = [0.0]

    def sample(ended: threading.Event) -> None:
        while not ended.wait(0.2):
            [(_, beaten)] = site.server.client.zrange(
                "tm:alive:maintenance", 0, 0, withscores=True
            ) or [("", 0)]
            ages.append((milliseconds(site.server.client.time()) - beaten) / 1000)

    with Background([sample]):
        yield ages
