"""Write tasks as JSON, each once for as long as it stays the same.

A task is the same frozen object as long as its record is the same (adapters.redis.known_tasks), so
its text is kept beside it. The position in the queue changes without the task, and is put between
the two halves of the text.

A text does not keep its task alive: a task may take 27 times the memory of its text, and only
KnownTasks counts that.
"""

from weakref import ref

from application.bounded_cache import BoundedCache
from application.task_serializer import TaskJson, serialize_task
from domain.task import Task
from entrypoints.api.json_text import to_json

MAX_TEXT_BYTES = 65_536
AFTER_POSITION = ("callback_url", "submitted_by", "schedule", "version", "omitted", "links")
"""The members that follow `queue_position`."""


class TaskTexts:
    def __init__(self, max_bytes: int) -> None:
        """Keep texts of up to `max_bytes` in all."""
        self._texts: BoundedCache[str, tuple[ref[Task], TaskJson]] = BoundedCache(
            max_bytes, max_value_bytes=MAX_TEXT_BYTES
        )

    def text(self, task: Task, queue_position: int | None = None) -> bytes:
        """Return the JSON of serialize_task."""
        kept = self._texts.get(task.task_id)
        text = kept[1] if kept is not None and kept[0]() is task else self._write(task)
        return text.placed(queue_position)

    def _write(self, task: Task) -> TaskJson:
        members = serialize_task(task)
        after = {name: members.pop(name) for name in AFTER_POSITION if name in members}
        text = TaskJson.of(to_json(members), to_json(after))
        self._texts.put(task.task_id, (ref(task), text), sum(map(len, text)))
        return text
