"""Store the task of a schedule, and the submit of it as a span."""

from dataclasses import replace

from application.ports.schedules import Schedules
from application.ports.task_repository import IdempotencyRecord
from application.ports.tracer import Tracer
from application.spans import submit_operation
from domain.schedule import Schedule
from domain.task import Task
from domain.trace_context import TraceContext


class ScheduleTasks:
    def __init__(self, schedules: Schedules, tracer: Tracer) -> None:
        self._schedules = schedules
        self._tracer = tracer

    def store(
        self,
        before: Schedule,
        after: Schedule,
        task: Task,
        record: IdempotencyRecord | None = None,
        trace: TraceContext | None = None,
    ) -> Task:
        """Store the change of a schedule and its new task in one step. Returns the task as stored.

        `trace` is that of the caller; a slot has none, and its task begins one. Raises the errors
        of `Schedules.save_with_task`.
        """
        if not self._tracer.is_on:
            return self._schedules.save_with_task(before, after, replace(task, trace=trace), record)
        with self._tracer.span(submit_operation([task.spec]), trace) as span:
            span.note({"messaging.message.id": task.task_id})
            traced = replace(task, trace=span.context)
            return self._schedules.save_with_task(before, after, traced, record)
