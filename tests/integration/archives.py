"""Tasks in every state, and archives of them."""

import itertools
from collections import Counter
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from hashlib import sha256

from adapters.redis.outbox import RedisOutbox
from adapters.redis.queues import RedisQueues
from adapters.redis.run_log import RedisRunLog
from adapters.redis.schedules import RedisSchedules
from adapters.redis.store import RedisStore
from adapters.redis.task_leases import RedisTaskLeases
from adapters.redis.task_repository import RedisTaskRepository
from application.ports.task_archive import UnreadableTask
from application.ports.task_repository import Change, IdempotencyRecord
from application.use_cases.operations.import_tasks import ImportedLine, Result
from domain.retry_policy import RetryPolicy
from domain.task import Task
from domain.webhook import DeliveryAttempt
from entrypoints.container import Container
from tests.building import AN_ERROR, a_task
from tests.contracts.schedules import a_schedule
from tests.storing import claim, submit

EVENTS_KEPT = 1_000
URL = "https://example.com/told"
RETRIED = RetryPolicy(max_attempts=3, initial_delay=0)


def export(container: Container) -> list[str]:
    found = list(container.export_tasks().execute())
    assert not [each for each in found if isinstance(each, UnreadableTask)]
    return [str(each) for each in found]


def import_each(container: Container, lines: Iterable[str], **options: bool) -> list[ImportedLine]:
    numbered = ((number, line.encode()) for number, line in enumerate(lines, 1))
    return list(container.import_tasks().execute(numbered, **options))


def results(found: Iterable[ImportedLine]) -> Counter[Result]:
    return Counter(line.result for line in found)


class Work:
    """Makes tasks in every state, as callers, workers and maintenance do."""

    def __init__(
        self, repository: RedisTaskRepository, leases: RedisTaskLeases, store: RedisStore
    ) -> None:
        self.repository, self.leases, self.store = repository, leases, store
        self.log = RedisRunLog(store, EVENTS_KEPT)
        self.outbox = RedisOutbox(store)
        self._claims = map(str, itertools.count())

    def start(self, **members: object) -> Task:
        """Submit a task to an empty queue, and start it."""
        task = submit(self.repository, **members)
        number = next(self._claims)
        run = self.leases.claim(task.spec.queue, owner=f"host-1:{number}", claim_id=number)
        assert run
        assert run.task_id == task.task_id
        return run

    def end(self, run: Task, after: Task) -> Task:
        return self.repository.save(Change(before=run, after=after))

    def every_state(self) -> None:
        """Leave no task running."""
        now = datetime.now(UTC)
        long = {"text": "ü" * 10_000}
        completed = self.start(type="report", payload=long, labels={"a": "1"})
        assert self.log.append(completed, lines=["one", "two\n", "drei ü"])
        self.end(completed, completed.complete(long, now))
        failed = self.start(retry=RETRIED)
        again = self.end(failed, failed.fail(AN_ERROR, now))
        self.repository.save(Change(before=again, after=again.promote()))
        crashed = claim(self.leases, "host-1:again", "again")
        self.end(crashed, crashed.lose(now))
        last = claim(self.leases, "host-1:last", "last")
        self.end(last, last.fail(AN_ERROR, now, retry=False))
        called = self.start(callback_url=URL)
        self.end(called, called.complete(None, now))
        self._deliver(status=503)
        told = self.start(callback_url=URL)
        self.end(told, told.complete(False, now))
        self._deliver(status=200)
        expired = submit(self.repository, callback_url=URL)
        self.repository.save(Change(before=expired, after=expired.expire(now)))
        cancelled = submit(self.repository, callback_url=URL)
        cancelled = self.repository.save(Change(before=cancelled, after=cancelled.cancel(now)))
        self.repository.save(Change(before=cancelled, after=cancelled.retry(now)))
        submit(self.repository, run_at=now + timedelta(days=1), queue="mail")
        for priority in (1, 9, 5):
            submit(self.repository, priority=priority, expires_at=now + timedelta(days=1))
        self._submit_with_key()
        RedisSchedules(self.store, self.repository, events_kept=EVENTS_KEPT).add(a_schedule())
        RedisQueues(self.store, lambda _: None).pause("mail")

    def _deliver(self, status: int) -> None:
        [delivery] = self.outbox.lease(limit=1, duration=timedelta(minutes=1))
        now = datetime.now(UTC)
        next_at = None if status == 200 else now + timedelta(hours=1)
        attempt = DeliveryAttempt(at=now, status=status, error=None, next_at=next_at)
        assert self.outbox.record_attempt(delivery, attempt)

    def _submit_with_key(self) -> None:
        record = IdempotencyRecord(key="once", request_hash=sha256(b"body").digest())
        self.repository.add([a_task(), a_task()], record)
