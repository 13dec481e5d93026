"""The client for programs with asyncio or trio."""

import time
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from types import TracebackType
from typing import Any, Self, TypeVar, Unpack

import anyio
import httpx2

from task_manager_client import http, models, operations
from task_manager_client.async_connection import AsyncConnection
from task_manager_client.batches import BatchLimits, chunks
from task_manager_client.bodies import Filter, NewTask, TaskChanges, TaskSettings
from task_manager_client.calls import Call
from task_manager_client.errors import TaskNotCompleted, WaitTimedOut
from task_manager_client.events import Event
from task_manager_client.history_calls import AsyncHistoryCalls
from task_manager_client.key_calls import AsyncKeyCalls
from task_manager_client.retries import STREAM_RETRIES, Retries
from task_manager_client.schedule_calls import AsyncScheduleCalls
from task_manager_client.service_calls import AsyncServiceCalls
from task_manager_client.streams import Following

T = TypeVar("T")


class AsyncClient(AsyncHistoryCalls, AsyncServiceCalls, AsyncScheduleCalls, AsyncKeyCalls):
    """A client of one Task Manager API, for asyncio and trio. Tasks of one loop may share it.

    Every method raises a `TaskManagerError`: `ServiceUnreachable` without a response, a subclass of
    `Problem` for an error response. Calls are repeated as `retries` says.
    """

    def __init__(
        self,
        url: str = http.DEFAULT_URL,
        *,
        token: str | None = None,
        timeout: float = 10.0,
        retries: Retries | None = None,
        stream_retries: Retries = STREAM_RETRIES,
        client: httpx2.AsyncClient | None = None,
    ) -> None:
        """`timeout` is in seconds, for connecting and for each read. `token` is sent as a bearer.

        `stream_retries` hold for streams and waits. `client` brings own settings of HTTP, such as a
        proxy or certificates; the caller closes it. Raises ValueError for a URL that is none.
        """
        requests = http.Requests(url, token, timeout)
        self._connection = AsyncConnection(requests, retries or Retries(), stream_retries, client)
        self.url = requests.url

    async def close(self) -> None:
        """Close the connections."""
        await self._connection.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.close()

    async def submit(
        self,
        task_name: str,
        *,
        idempotency_key: str | None = None,
        **settings: Unpack[TaskSettings],
    ) -> models.Task:
        """Submit a task. Without a key the client makes one, so that its repetitions are safe."""
        task: NewTask = {"task_name": task_name, **settings}
        return await self.send(
            operations.submit_task(task, idempotency_key or http.new_idempotency_key())
        )

    async def submit_many(
        self,
        tasks: Iterable[NewTask | Mapping[str, Any]],
        *,
        idempotency_key: str | None = None,
        limits: BatchLimits | None = None,
    ) -> list[models.Task]:
        """Submit any number of tasks, in batches. Returns them in the same order.

        If a batch is refused, the batches before it stay submitted. A repetition with the same key
        and tasks submits none twice.
        """
        batches = self.submit_batches(tasks, idempotency_key=idempotency_key, limits=limits)
        return [task async for batch in batches for task in batch.tasks]

    async def submit_batches(
        self,
        tasks: Iterable[NewTask | Mapping[str, Any]],
        *,
        idempotency_key: str | None = None,
        limits: BatchLimits | None = None,
    ) -> AsyncIterator[models.Batch]:
        """Submit tasks while the result is iterated: each step sends one batch and yields it.

        Each batch has a key of its own, made of `idempotency_key` and its position.
        """
        key = idempotency_key or http.new_idempotency_key()
        for chunk in chunks(tasks, limits):
            yield await self.send(operations.submit_batch(chunk.body, f"{key}-{chunk.position}"))

    async def get(self, task_id: str, *, wait: int | None = None) -> models.Task:
        """Return the task, after at most `wait` seconds (0 to 60) as soon as it is final."""
        return await self.send(operations.get_task(task_id, wait=wait))

    async def get_if_changed(self, task_id: str, etag: str) -> models.Task | None:
        """Return the task, or None if it still has this ETag."""
        return await self.send(operations.get_task_if_changed(task_id, etag))

    async def wait(self, task_id: str, timeout: float | None = None) -> models.Task:
        """Return the task as soon as it is final. Raises WaitTimedOut after `timeout` seconds."""
        deadline = None if timeout is None else time.monotonic() + timeout
        while True:
            remaining = None if deadline is None else deadline - time.monotonic()
            call = operations.get_task(task_id, wait=http.poll_seconds(remaining))
            task = await self._connection.send_wait(call, deadline)
            if task.is_final:
                return task
            if deadline is not None and timeout is not None:
                left = deadline - time.monotonic()
                if left <= 0:
                    raise WaitTimedOut(task, timeout)
                if left < 1:  # the API waits for whole seconds
                    await anyio.sleep(left)

    async def result(self, task_id: str, timeout: float | None = None) -> Any:
        """Return the result as soon as the task is COMPLETED. `timeout` is in seconds.

        Raises TaskNotCompleted if it ends otherwise, WaitTimedOut if it does not end in time.
        """
        task = await self.wait(task_id, timeout)
        if task.status != "COMPLETED":
            raise TaskNotCompleted(task)
        return task.result

    async def list(
        self, *, sort: models.SortName | None = None, full: bool = False, **wanted: Unpack[Filter]
    ) -> AsyncIterator[models.Task]:
        """Yield all tasks that match, page by page.

        `full` includes payloads and results of more than 4 KiB, which are otherwise left out.
        """
        cursor = None
        while True:
            page = await self.page(
                page_size=100, cursor=cursor, sort=sort, full=full or None, **wanted
            )
            for task in page.tasks:
                yield task
            cursor = page.pagination.next_cursor
            if cursor is None:
                return

    async def page(
        self,
        *,
        page: int | None = None,
        page_size: int | None = None,
        cursor: str | None = None,
        sort: models.SortName | None = None,
        full: bool | None = None,
        **wanted: Unpack[Filter],
    ) -> models.Page:
        """Return one page, by number or by cursor."""
        return await self.send(
            operations.list_tasks(
                wanted, page=page, page_size=page_size, cursor=cursor, sort=sort, full=full
            )
        )

    async def update(
        self, task_id: str, *, if_match: str | int | None = None, **changes: Unpack[TaskChanges]
    ) -> models.Task:
        """Change members of the task. Raises VersionMismatch if it is not as `if_match` says.

        `if_match` is the `etag` or the `version` of the task as it was read.
        """
        return await self.send(operations.update_task(task_id, changes, if_match))

    async def replace(
        self,
        task_id: str,
        task_name: str,
        *,
        if_match: str | int | None = None,
        **settings: Unpack[TaskSettings],
    ) -> models.Task:
        """Replace what a waiting task will do."""
        task: NewTask = {"task_name": task_name, **settings}
        return await self.send(operations.replace_task(task_id, task, if_match))

    async def cancel(self, task_id: str) -> models.Task:
        """Cancel the task. A running one is asked to stop (`cancel_requested`)."""
        return await self.send(operations.cancel_task(task_id))

    async def retry(self, task_id: str) -> models.Task:
        """Queue a FAILED, CANCELLED or EXPIRED task again."""
        return await self.send(operations.retry_task(task_id))

    async def delete(self, task_id: str, *, cancel: bool = False) -> None:
        """Delete the task. With `cancel`, a running one is stopped first, within seconds."""
        await self.send(operations.delete_task(task_id, cancel=cancel or None))

    async def act(
        self,
        action: models.ActionName,
        *,
        ids: Sequence[str] | None = None,
        wanted: Filter | None = None,
        dry_run: bool = False,
    ) -> models.ActionResult:
        """Cancel, retry or delete many tasks, named by ids or by a filter. An empty filter is all.

        A call processes at most 10,000 tasks: repeat it while `remaining` is not 0. `dry_run`
        changes nothing. Raises ValueError unless exactly one of `ids` and `wanted` is given.
        """
        return await self.send(
            operations.act_on_tasks(action, ids=ids, wanted=wanted, dry_run=dry_run or None)
        )

    async def attempts(self, task_id: str) -> models.Attempts:
        """Return the runs of the task: when each waited, started and ended, and how."""
        return await self.send(operations.list_attempts(task_id))

    async def log(self, task_id: str, *, after: int | None = None) -> tuple[models.LogLine, ...]:
        """Return the lines that the runs of the task logged, with numbers greater than `after`."""
        return (await self.send(operations.get_task_log(task_id, after=after))).lines

    async def deliveries(self, task_id: str) -> tuple[models.Delivery, ...]:
        """Return the delivery attempts of the task's callbacks."""
        return (await self.send(operations.list_deliveries(task_id))).deliveries

    async def all_deliveries(
        self, *, outcome: Sequence[models.OutcomeName] = (), task_id: str | None = None
    ) -> AsyncIterator[models.LoggedDelivery]:
        """Yield the delivery attempts of all tasks, newest first, also of deleted tasks."""
        cursor = None
        while True:
            page = await self.delivery_page(
                outcome=outcome, task_id=task_id, page_size=100, cursor=cursor
            )
            for delivery in page.deliveries:
                yield delivery
            cursor = page.next_cursor
            if cursor is None:
                return

    async def delivery_page(
        self,
        *,
        outcome: Sequence[models.OutcomeName] = (),
        task_id: str | None = None,
        page_size: int | None = None,
        cursor: str | None = None,
    ) -> models.DeliveryPage:
        """Return one page of the delivery attempts of all tasks."""
        return await self.send(
            operations.list_all_deliveries(
                outcome=outcome, task_id=task_id, page_size=page_size, cursor=cursor
            )
        )

    async def resend(self, task_id: str, number: int) -> None:
        """Send the callback of a delivery attempt again."""
        await self.send(operations.resend_delivery(task_id, number))

    def follow(
        self, task_id: str, *, last_event_id: str | None = None, logs: bool = False
    ) -> AsyncIterator[Event]:
        """Yield the events of the task until it is final, beginning with a snapshot.

        A broken connection is opened again after the last event, so that none is missing. An event
        whose `is_gap` is true says that the service no longer has all of them. With `logs`, each
        line of the task's log is an event, too.
        """
        following = Following.task(task_id, last_event_id, logs=logs)
        return self._connection.follow(following)

    def events(
        self, *, last_event_id: str | None = None, **wanted: Unpack[Filter]
    ) -> AsyncIterator[Event]:
        """Yield the events of all tasks that match, without end. See `follow`."""
        following = Following.tasks(wanted, last_event_id)
        return self._connection.follow(following)

    async def send(self, call: Call[T]) -> T:
        """Send a call of `task_manager_client.operations`."""
        return await self._connection.send(call)
