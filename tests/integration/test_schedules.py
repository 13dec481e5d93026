"""Several maintenance processes make one task for each slot, also when they are killed."""

import itertools
from contextlib import ExitStack
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from adapters.redis.clock import RedisClock
from adapters.redis.schedules import RedisSchedules
from adapters.redis.store import RedisStore
from adapters.redis.task_repository import RedisTaskRepository
from application.ports.task_repository import PageRequest
from application.task_filter import TaskFilter
from domain.schedule_spec import Overlap
from tests.contracts.schedules import a_schedule
from tests.integration.processes import ServiceProcess
from tests.integration.waiting import wait_until

SCHEDULES = 8
KILLS = 9


@pytest.fixture
def schedules(redis_store: RedisStore, repository: RedisTaskRepository) -> RedisSchedules:
    return RedisSchedules(redis_store, repository, events_kept=1_000)


def slots(repository: RedisTaskRepository, name: str) -> list[datetime]:
    labelled = TaskFilter(labels={"schedule": name})
    tasks = repository.find(labelled, PageRequest(limit=1_000)).tasks
    return sorted(task.schedule.slot for task in tasks if task.schedule and task.schedule.slot)


@pytest.mark.slow
def test_each_slot_has_one_task_while_maintenance_is_killed(
    schedules: RedisSchedules,
    repository: RedisTaskRepository,
    redis_store: RedisStore,
    redis_url: str,
    tmp_path: Path,
) -> None:
    names = [f"s{number}" for number in range(SCHEDULES)]
    for name in names:
        now = RedisClock(redis_store).now()
        schedules.add(a_schedule(name, now, every=1, overlap=Overlap.QUEUE, catch_up=100, jitter=1))

    def made() -> int:
        return sum(schedule.made for schedule in schedules.each())

    with ExitStack() as stack:
        numbers = itertools.count()

        def start() -> ServiceProcess:
            log = tmp_path / f"{next(numbers)}.log"
            return stack.enter_context(ServiceProcess("maintenance", log, redis_url=redis_url))

        running = [start() for _ in range(3)]
        for _ in range(KILLS):
            before = made()
            wait_until(lambda before=before: made() > before)
            running.pop(0).kill()
            running.append(start())
        enough = made() + SCHEDULES
        wait_until(lambda: made() >= enough)

    for name in names:
        found, schedule = slots(repository, name), schedules.get_or_raise(name)
        assert len(found) == schedule.made
        assert schedule.skipped == 0
        assert found == [found[0] + timedelta(seconds=number) for number in range(len(found))], name
