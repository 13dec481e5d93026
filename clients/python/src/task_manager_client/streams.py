"""Read event streams."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Self

from httpx2 import ServerSentEvent

from task_manager_client import operations
from task_manager_client.bodies import Filter
from task_manager_client.calls import Call
from task_manager_client.errors import TaskManagerError, UnexpectedResponse
from task_manager_client.events import Event
from task_manager_client.history_models import Actor
from task_manager_client.models import LogLine, Task
from task_manager_client.reading import read
from task_manager_client.retries import Retries
from task_manager_client.schedule_models import SkippedSlots

READ_TIMEOUT = 45.0
"""Seconds of silence after which a stream is opened again. A comment comes every 15 seconds."""
PAUSE = 1.0
"""Seconds before a stream that ended is opened again, as its field `retry` says."""


@dataclass
class Following:
    """The state of a stream that outlives its connections."""

    open: Callable[[str | None], Call[None]]
    """Returns the call that opens the stream after an event id."""
    last_event_id: str | None
    ends: bool
    """Whether the stream ends with the task's last event."""
    attempt: int = 0
    """Failed connections since the last good one."""

    @classmethod
    def task(cls, task_id: str, last_event_id: str | None, *, logs: bool) -> Self:
        """Follow one task until its last event."""
        wanted = logs or None
        return cls(
            lambda at: operations.follow_task(task_id, at, logs=wanted), last_event_id, ends=True
        )

    @classmethod
    def tasks(cls, wanted: Filter, last_event_id: str | None) -> Self:
        """Follow all tasks that match."""
        return cls(lambda at: operations.follow_tasks(wanted, at), last_event_id, ends=False)

    def call(self) -> Call[None]:
        """Return the call that opens the stream, or continues it after the last event."""
        return self.open(self.last_event_id)

    def connected(self) -> None:
        """Note that the service has accepted the connection."""
        self.attempt = 0

    def received(self, sent: ServerSentEvent) -> Event | None:
        """Return the event. None if it has no data, as `retry`. Raises UnexpectedResponse."""
        if not sent.data:
            return None
        event = read_event(sent)
        self.last_event_id = event.id or self.last_event_id
        return event

    def is_over(self, event: Event | None) -> bool:
        """Return whether the event is the last of the stream."""
        return self.ends and event is not None and event.is_last

    def pause_after(self, error: TaskManagerError, retries: Retries, chance: float) -> float:
        """Return the seconds until the next connection. Raises the error when there is none."""
        self.attempt += 1
        delay = retries.delay(error, self.attempt, repeatable=True, chance=chance)
        if delay is None:
            raise error
        return delay


def read_event(sent: ServerSentEvent) -> Event:
    """Return the event. Raises UnexpectedResponse."""
    try:
        data = json.loads(sent.data)
        if sent.event == "task.log":
            return Event(name=sent.event, id=sent.id, line=read(LogLine, data))
        if sent.event == "schedule.skipped":
            return Event(name=sent.event, id=sent.id, skip=read(SkippedSlots, data))
        task = read(Task, data) if data else None
        actor = read(Actor, data["actor"]) if "actor" in data else None
    except (ValueError, RecursionError) as error:
        raise UnexpectedResponse(
            200, f"the event {sent.event!r} cannot be read: {error}"
        ) from error
    return Event(name=sent.event, id=sent.id, task=task, actor=actor)
