"""Make tasks without HTTP: ours by the adapters, the plain ones as their own code writes them."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import count
from typing import Any
from uuid import uuid4

import redis

from application.ports.task_repository import Change
from benchmarks import plain
from benchmarks.progress import counted
from benchmarks.subjects import Pair, Redis, Subject
from domain.task import Task
from domain.task_spec import TaskSpec
from entrypoints.container import build_container
from entrypoints.environment import load_settings

NAME, DURATION = "benchmark", 1
OWNER = "benchmark:1"
RESULT = "Task completed in 1 seconds"
BATCH = 1000


class OurTasks:
    """Make tasks of this service by the scripts that the API or a worker would run."""

    def __init__(self, url: str) -> None:
        self._container = build_container(replace(load_settings(), redis_url=url))
        self._claims = count(1)

    def submit(self) -> Task:
        return (
            self._container.submit_task()
            .execute(TaskSpec(task_name=NAME, duration=DURATION))
            .tasks[0]
        )

    def finish_next(self) -> None:
        """Claim the first waiting task and complete it."""
        task = self._container.leases().claim(
            "default", owner=OWNER, claim_id=str(next(self._claims))
        )
        if task is None:
            raise RuntimeError("no task waits")
        after = task.complete(RESULT, self._container.clock().now())
        self._container.repository().save(Change(before=task, after=after))

    def cancel(self, task_id: str) -> None:
        self._container.cancel_task().execute(task_id)

    def add(self, each: Sequence[dict[str, Any]]) -> Sequence[Task]:
        """Make many tasks at once."""
        specs = [TaskSpec(task_name=NAME, duration=DURATION, **members) for members in each]
        return self._container.submit_batch().execute(specs).tasks

    def cancel_each(self, tasks: Sequence[Task]) -> None:
        now = self._container.clock().now()
        self._container.repository().save_many(
            [Change(before=task, after=task.cancel(now)) for task in tasks]
        )

    def close(self) -> None:
        self._container.redis_client().close()


def fill(pair: Pair, total: int) -> None:
    """Add final tasks to both services until each has `total`."""
    for subject, one_more in zip(pair, (our_final_tasks, plain_final_tasks), strict=True):
        missing = total - len(subject.task_ids)
        what = f"filling {subject.name}, tasks"
        subject.task_ids += counted(one_more(subject, missing), total=missing, what=what)


def our_final_tasks(subject: Subject, number: int) -> Iterator[str]:
    tasks = OurTasks(subject.url)
    for _ in range(number):
        task_id = tasks.submit().task_id
        tasks.finish_next()
        yield task_id
    tasks.close()


def plain_final_tasks(subject: Subject, number: int) -> Iterator[str]:
    """Write the record and the list that the plain GETs read, without Celery's results."""
    client = redis.Redis.from_url(subject.url)
    ids = [str(uuid4()) for _ in range(number)]
    for first in range(0, number, BATCH):
        write_plain_records(client, ids[first : first + BATCH])
        yield from ids[first : first + BATCH]
    client.close()


def write_plain_records(client: Redis, task_ids: list[str]) -> None:
    pipeline = client.pipeline(transaction=False)
    for task_id in task_ids:
        record = plain.new_record(task_id, NAME, DURATION) | {"status": "COMPLETED"}
        pipeline.hset(plain.record_key(task_id), mapping=record)
        pipeline.rpush(plain.TASK_LIST, task_id)
    pipeline.execute()
