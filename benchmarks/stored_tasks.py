"""Make tasks without HTTP: ours by the adapters, the plain ones as their own code writes them."""

import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from itertools import count
from typing import Any
from uuid import uuid4

import redis
from celery.events.dispatcher import EventDispatcher  # type: ignore[import-untyped]

from application.ports.task_repository import Change
from benchmarks.peers import plain
from benchmarks.processes import NotReady, Redis
from benchmarks.progress import counted
from benchmarks.subjects import Subject, responds
from domain.task import Task
from domain.task_spec import TaskSpec
from entrypoints.container import build_container
from entrypoints.environment import load_settings

NAME, DURATION = "benchmark", 1
OWNER = "benchmark:1"
RESULT = "Task completed in 1 seconds"
BATCH = 1000
FLOWER_SECONDS = 60.0

Members = Mapping[str, Any]


class OurTasks:
    """Make tasks of this service by the scripts that the API or a worker would run."""

    def __init__(self, url: str, **settings: Any) -> None:
        self._container = build_container(replace(load_settings(), redis_url=url, **settings))
        self._claims = count(1)

    def submit(self) -> Task:
        return self.add([{}])[0]

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

    def add(self, each: Sequence[Members]) -> Sequence[Task]:
        """Submit many tasks at once."""
        specs = [_spec(members) for members in each]
        return self._container.submit_batch().execute(specs).tasks

    def add_completed(self, each: Sequence[Members]) -> list[str]:
        """Store many tasks that are final already, in one round trip. Returns their ids."""
        now, ids = self._container.clock().now(), self._container.task_ids()
        changes = [
            Change(
                before=None,
                after=Task.submit(ids.next(), _spec(members), now)
                .start(owner=OWNER, fencing_token=1, now=now)
                .complete(RESULT, now),
            )
            for members in each
        ]
        saved = self._container.repository().save_many(changes)
        if None in saved:
            raise NotReady("a task could not be stored")
        return [change.after.task_id for change in changes]

    def cancel_each(self, tasks: Sequence[Task]) -> None:
        now = self._container.clock().now()
        self._container.repository().save_many(
            [Change(before=task, after=task.cancel(now)) for task in tasks]
        )

    def close(self) -> None:
        self._container.redis_client().close()


def fill_in_batches(
    first: int, last: int, write: Callable[[range], Sequence[str]], what: str
) -> list[str]:
    """Call `write` with ranges of a thousand numbers, and print the progress. Returns all ids."""
    batches = range(first, last, BATCH)
    return [
        task_id
        for start in counted(batches, total=len(batches), what=f"{what}, {BATCH:,} at a time")
        for task_id in write(range(start, min(start + BATCH, last)))
    ]


def fill_ours(subject: Subject, total: int) -> None:
    """Add final tasks until there are `total`."""
    tasks = OurTasks(subject.store.url)
    subject.task_ids += fill_in_batches(
        len(subject.task_ids),
        total,
        lambda numbers: tasks.add_completed([{} for _ in numbers]),
        "storing our tasks",
    )
    tasks.close()


def fill_plain(subject: Subject, total: int) -> None:
    """Write the record and the list that the plain GETs read, without Celery's results."""
    client = redis.Redis.from_url(subject.store.url)

    def write(numbers: range) -> list[str]:
        ids = [str(uuid4()) for _ in numbers]
        _write_plain_records(client, ids)
        return ids

    subject.task_ids += fill_in_batches(len(subject.task_ids), total, write, "storing plain tasks")
    client.close()


def fill_flower(subject: Subject, total: int) -> None:
    """Send the events of tasks that have ended, which Flower holds in its memory.

    Raises NotReady if Flower does not know the last one within a minute.
    """
    subject.task_ids = [str(uuid4()) for _ in range(total)]
    with (
        plain.celery_app.connection_for_write(subject.store.url) as connection,
        EventDispatcher(connection, app=plain.celery_app, hostname=OWNER) as events,
    ):
        for task_id in counted(subject.task_ids, total=total, what="telling Flower of tasks"):
            events.send("task-received", uuid=task_id, name=NAME, args="()", kwargs="{}")
            events.send("task-succeeded", uuid=task_id, result=RESULT, runtime=0.001)
    deadline = time.monotonic() + FLOWER_SECONDS
    while not responds(subject.address[1], f"/api/task/info/{subject.task_ids[-1]}"):
        if time.monotonic() > deadline:
            raise NotReady("Flower does not know the tasks of which it was told")
        time.sleep(0.2)


def submitted(subject: Subject) -> int:
    """Return the number of tasks that a service has accepted, by what is in its Redis."""
    client = subject.store.client
    counters = {
        "ours": lambda: client.zcard("tm:tasks"),
        "plain": lambda: client.llen(plain.TASK_LIST),
        "Flower": lambda: client.llen("celery"),
    }
    return int(counters[subject.name]())


def json_of(members: Members) -> bytes:
    return json.dumps({"task_name": NAME, "duration": DURATION, **members}).encode()


def _spec(members: Members) -> TaskSpec:
    return TaskSpec(**{"task_name": NAME, "duration": DURATION, **members})


def _write_plain_records(client: Redis, task_ids: list[str]) -> None:
    pipeline = client.pipeline(transaction=False)
    for task_id in task_ids:
        record = plain.new_record(task_id, NAME, DURATION) | {"status": "COMPLETED"}
        pipeline.hset(plain.record_key(task_id), mapping=record)
        pipeline.rpush(plain.TASK_LIST, task_id)
    pipeline.execute()
