"""Calls about schedules, for both clients."""

from collections.abc import AsyncIterator, Iterator
from datetime import datetime
from typing import TypeVar, Unpack

from task_manager_client import http, models, schedule_models, schedule_operations
from task_manager_client.bodies import ScheduleChanges, ScheduleSettings, ScheduleTimes
from task_manager_client.calls import Call

T = TypeVar("T")
PAGE_SIZE = 100


class ScheduleCalls:
    """The methods of `Client` about schedules."""

    def send(self, call: Call[T]) -> T:
        """Send a call."""
        raise NotImplementedError

    def schedules(self) -> Iterator[schedule_models.Schedule]:
        """Yield all schedules by their names, page by page."""
        cursor = None
        while True:
            call = schedule_operations.list_schedules(page_size=PAGE_SIZE, cursor=cursor)
            page = self.send(call)
            yield from page.schedules
            cursor = page.next_cursor
            if cursor is None:
                return

    def schedule(self, name: str) -> schedule_models.Schedule:
        """Return the schedule, with its next five slots and its last task."""
        return self.send(schedule_operations.get_schedule(name))

    def put_schedule(
        self,
        name: str,
        *,
        if_match: str | int | None = None,
        only_new: bool = False,
        **settings: Unpack[ScheduleSettings],
    ) -> schedule_models.Schedule:
        """Create the schedule or replace it. One that is the same stays as it is.

        Raises VersionMismatch if it is not as `if_match` says, or exists although `only_new`.
        """
        call = schedule_operations.put_schedule(name, settings, if_match, only_new=only_new)
        return self.send(call)

    def update_schedule(
        self, name: str, *, if_match: str | int | None = None, **changes: Unpack[ScheduleChanges]
    ) -> schedule_models.Schedule:
        """Change members of the schedule. Raises VersionMismatch if it is not as `if_match` says.

        `if_match` is the `etag` or the `version` of the schedule as it was read.
        """
        return self.send(schedule_operations.update_schedule(name, changes, if_match))

    def delete_schedule(self, name: str) -> None:
        """Delete the schedule. The tasks that it has made stay."""
        self.send(schedule_operations.delete_schedule(name))

    def run_schedule(self, name: str, *, idempotency_key: str | None = None) -> models.Task:
        """Submit the task of the schedule now. Without a key the client makes one."""
        key = idempotency_key or http.new_idempotency_key()
        return self.send(schedule_operations.run_schedule(name, key))

    def pause_schedule(self, name: str) -> schedule_models.Schedule:
        """Pause the schedule: it has no slots until it is resumed."""
        return self.send(schedule_operations.pause_schedule(name))

    def resume_schedule(self, name: str) -> schedule_models.Schedule:
        """Resume the schedule. Slots of the pause are not made up."""
        return self.send(schedule_operations.resume_schedule(name))

    def preview_schedule(self, **times: Unpack[ScheduleTimes]) -> tuple[datetime, ...]:
        """Return the next ten times, without storing anything."""
        return self.send(schedule_operations.preview_schedule(times)).next_runs


class AsyncScheduleCalls:
    """The methods of `AsyncClient` about schedules."""

    async def send(self, call: Call[T]) -> T:
        """Send a call."""
        raise NotImplementedError

    async def schedules(self) -> AsyncIterator[schedule_models.Schedule]:
        """Yield all schedules by their names, page by page."""
        cursor = None
        while True:
            call = schedule_operations.list_schedules(page_size=PAGE_SIZE, cursor=cursor)
            page = await self.send(call)
            for schedule in page.schedules:
                yield schedule
            cursor = page.next_cursor
            if cursor is None:
                return

    async def schedule(self, name: str) -> schedule_models.Schedule:
        """Return the schedule, with its next five slots and its last task."""
        return await self.send(schedule_operations.get_schedule(name))

    async def put_schedule(
        self,
        name: str,
        *,
        if_match: str | int | None = None,
        only_new: bool = False,
        **settings: Unpack[ScheduleSettings],
    ) -> schedule_models.Schedule:
        """Create the schedule or replace it. One that is the same stays as it is.

        Raises VersionMismatch if it is not as `if_match` says, or exists although `only_new`.
        """
        call = schedule_operations.put_schedule(name, settings, if_match, only_new=only_new)
        return await self.send(call)

    async def update_schedule(
        self, name: str, *, if_match: str | int | None = None, **changes: Unpack[ScheduleChanges]
    ) -> schedule_models.Schedule:
        """Change members of the schedule. Raises VersionMismatch if it is not as `if_match` says.

        `if_match` is the `etag` or the `version` of the schedule as it was read.
        """
        return await self.send(schedule_operations.update_schedule(name, changes, if_match))

    async def delete_schedule(self, name: str) -> None:
        """Delete the schedule. The tasks that it has made stay."""
        await self.send(schedule_operations.delete_schedule(name))

    async def run_schedule(self, name: str, *, idempotency_key: str | None = None) -> models.Task:
        """Submit the task of the schedule now. Without a key the client makes one."""
        key = idempotency_key or http.new_idempotency_key()
        return await self.send(schedule_operations.run_schedule(name, key))

    async def pause_schedule(self, name: str) -> schedule_models.Schedule:
        """Pause the schedule: it has no slots until it is resumed."""
        return await self.send(schedule_operations.pause_schedule(name))

    async def resume_schedule(self, name: str) -> schedule_models.Schedule:
        """Resume the schedule. Slots of the pause are not made up."""
        return await self.send(schedule_operations.resume_schedule(name))

    async def preview_schedule(self, **times: Unpack[ScheduleTimes]) -> tuple[datetime, ...]:
        """Return the next ten times, without storing anything."""
        return (await self.send(schedule_operations.preview_schedule(times))).next_runs
