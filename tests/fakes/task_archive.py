from collections.abc import Iterator, Sequence
from datetime import datetime

from adapters.redis.id_codec import require_id_bytes
from adapters.redis.task_codec import decode, encode
from application.ports.run import LogLine
from application.ports.task_archive import (
    ArchivedTask,
    Restored,
    Stored,
    TaskArchive,
    UnreadableTask,
)
from application.store_layout import UnknownLayout
from domain.status import Status
from domain.task import Task
from tests.fakes.task_store import FakeTaskStore


class FakeTaskArchive(TaskArchive):
    """Archives the record and the log of each task."""

    def __init__(self, store: FakeTaskStore) -> None:
        self._store = store

    def read(self, task_ids: Sequence[str]) -> Iterator[ArchivedTask | UnreadableTask]:
        for task_id in task_ids:
            if task_id in self._store.damaged:
                yield UnreadableTask(task_id, "it is damaged")
            elif task := self._store.get(task_id):
                yield ArchivedTask(task=task, stored=self._stored(task))

    def decode(self, task_id: str, stored: Stored) -> ArchivedTask:
        try:
            record = {n.encode(): value.encode() for n, value in stored["record"].items()}
            return ArchivedTask(task=decode(require_id_bytes(task_id), record), stored=stored)
        except UnknownLayout:
            raise
        except Exception as error:
            raise ValueError(str(error)) from error

    def restore(self, archived: Sequence[tuple[ArchivedTask, Task]]) -> Sequence[Restored]:
        return [self._restore(each.stored, after) for each, after in archived]

    def requests(self) -> Iterator[Stored]:
        for key, (hashed, ids, at) in self._store.idempotency_records.items():
            yield {"key": key, "hash": hashed.hex(), "task_ids": ids, "at": at.isoformat()}

    def restore_request(self, stored: Stored) -> bool:
        self._store.check()
        try:
            record = bytes.fromhex(stored["hash"]), list(stored["task_ids"])
            at = datetime.fromisoformat(stored["at"])
        except (KeyError, TypeError) as error:
            raise ValueError(str(error)) from error
        if stored["key"] in self._store.idempotency_records:
            return False
        self._store.idempotency_records[stored["key"]] = (*record, at)
        return True

    def _stored(self, task: Task) -> Stored:
        record = {name.decode(): value.decode() for name, value in encode(task).items()}
        log = [
            [line.at.isoformat(), line.attempt, line.message, line.number]
            for line in self._store.lines(task.task_id)
        ]
        return {"record": record, "log": log}

    def _restore(self, stored: Stored, after: Task) -> Restored:
        if after.status is Status.PROCESSING:
            return Restored.DAMAGED
        if self._store.get(after.task_id):
            return Restored.EXISTS
        if self._store.full:
            return Restored.FULL
        if len(self._store.queues | {after.spec.queue}) > self._store.max_queues:
            return Restored.TOO_MANY_QUEUES
        lines = [
            LogLine(at=datetime.fromisoformat(at), attempt=attempt, message=text, number=number)
            for at, attempt, text, number in stored["log"]
        ]
        self._store.take(after, lines)
        return Restored.ADDED
