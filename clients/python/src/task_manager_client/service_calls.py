"""Calls about the service as a whole, for both clients."""

from typing import TypeVar, Unpack

from task_manager_client import operations, service_models
from task_manager_client.bodies import Filter
from task_manager_client.calls import Call

T = TypeVar("T")


class ServiceCalls:
    """The methods of `Client` about counts, queues, workers, types, statistics and metrics."""

    def send(self, call: Call[T]) -> T:
        """Send a call."""
        raise NotImplementedError

    def counts(self, **wanted: Unpack[Filter]) -> service_models.TaskCounts:
        """Return the numbers of tasks by status that match. The filter has no status."""
        return self.send(operations.count_tasks(wanted))

    def queues(self) -> tuple[service_models.Queue, ...]:
        """Return all queues."""
        return self.send(operations.list_queues()).queues

    def pause_queue(self, queue: str) -> service_models.Queue:
        """Let the queue start no further task."""
        return self.send(operations.pause_queue(queue))

    def resume_queue(self, queue: str) -> service_models.Queue:
        """Let the paused queue start tasks again."""
        return self.send(operations.resume_queue(queue))

    def remove_queue(self, queue: str) -> None:
        """Remove a queue without tasks and workers from the list."""
        self.send(operations.remove_queue(queue))

    def scaling(self, queue: str, *, drain_seconds: int | None = None) -> service_models.Scaling:
        """Return the number of places that the queue needs to start its tasks in that time."""
        return self.send(operations.get_scaling(queue, drain_seconds=drain_seconds))

    def workers(self) -> tuple[service_models.Worker, ...]:
        """Return all living workers."""
        return self.send(operations.list_workers()).workers

    def types(self) -> tuple[service_models.TaskType, ...]:
        """Return all types of task, with the schemas of their payloads."""
        return self.send(operations.list_types()).types

    def stats(self) -> service_models.Statistics:
        """Return numbers and times of the tasks."""
        return self.send(operations.get_statistics())

    def liveness(self) -> service_models.Probe:
        """Return whether the API responds."""
        return self.send(operations.get_liveness())

    def readiness(self) -> service_models.Probe:
        """Return whether the API reaches its store. Raises StoreUnavailable if it does not."""
        return self.send(operations.get_readiness())

    def metrics(self) -> str:
        """Return the metrics in the text format of Prometheus."""
        return self.send(operations.get_metrics())

    def series(
        self,
        *,
        span: service_models.SpanName | None = None,
        by: service_models.SeriesName | None = None,
    ) -> service_models.Series:
        """Return statistics over time: of `span` until now, by queue or type."""
        return self.send(operations.get_statistics_series(span=span, by=by))


class AsyncServiceCalls:
    """The methods of `AsyncClient` about counts, queues, workers, types and metrics."""

    async def send(self, call: Call[T]) -> T:
        """Send a call."""
        raise NotImplementedError

    async def counts(self, **wanted: Unpack[Filter]) -> service_models.TaskCounts:
        """Return the numbers of tasks by status that match. The filter has no status."""
        return await self.send(operations.count_tasks(wanted))

    async def queues(self) -> tuple[service_models.Queue, ...]:
        """Return all queues."""
        return (await self.send(operations.list_queues())).queues

    async def pause_queue(self, queue: str) -> service_models.Queue:
        """Let the queue start no further task."""
        return await self.send(operations.pause_queue(queue))

    async def resume_queue(self, queue: str) -> service_models.Queue:
        """Let the paused queue start tasks again."""
        return await self.send(operations.resume_queue(queue))

    async def remove_queue(self, queue: str) -> None:
        """Remove a queue without tasks and workers from the list."""
        await self.send(operations.remove_queue(queue))

    async def scaling(
        self, queue: str, *, drain_seconds: int | None = None
    ) -> service_models.Scaling:
        """Return the number of places that the queue needs to start its tasks in that time."""
        return await self.send(operations.get_scaling(queue, drain_seconds=drain_seconds))

    async def workers(self) -> tuple[service_models.Worker, ...]:
        """Return all living workers."""
        return (await self.send(operations.list_workers())).workers

    async def types(self) -> tuple[service_models.TaskType, ...]:
        """Return all types of task, with the schemas of their payloads."""
        return (await self.send(operations.list_types())).types

    async def stats(self) -> service_models.Statistics:
        """Return numbers and times of the tasks."""
        return await self.send(operations.get_statistics())

    async def liveness(self) -> service_models.Probe:
        """Return whether the API responds."""
        return await self.send(operations.get_liveness())

    async def readiness(self) -> service_models.Probe:
        """Return whether the API reaches its store. Raises StoreUnavailable if it does not."""
        return await self.send(operations.get_readiness())

    async def metrics(self) -> str:
        """Return the metrics in the text format of Prometheus."""
        return await self.send(operations.get_metrics())

    async def series(
        self,
        *,
        span: service_models.SpanName | None = None,
        by: service_models.SeriesName | None = None,
    ) -> service_models.Series:
        """Return statistics over time: of `span` until now, by queue or type."""
        return await self.send(operations.get_statistics_series(span=span, by=by))
