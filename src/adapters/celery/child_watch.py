"""Sees each death of a child at once.

Celery notices one after 0.1 to 4.4 s, since its sentinel fires before the child can be reaped; a pidfd fires when it
can be (pidfd_open(2), Linux). Elsewhere Celery's own pace remains.
"""

import os
import select
import threading
from collections import deque
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from celery import bootsteps

from adapters.supervision.child_exit import exit_code


class Children:
    """The processes of the pool, living and dead."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._descriptors: dict[int, int] = {}
        self._processes: dict[int, Any] = {}
        self._dead: dict[int, int | None] = {}
        self._buried: deque[int] = deque(maxlen=256)
        """Dead, and perhaps still in the pool's list; their numbers come again only much later."""
        self._poller = select.poll()
        self._pool: Any = None

    @property
    def are_watched(self) -> bool:
        """False off Linux."""
        return hasattr(os, "pidfd_open")

    def adopt(self, processes: Sequence[Any]) -> None:
        """Watch those of the processes that are new. Off Linux none is."""
        for process in processes:
            self._watch(process)

    def belong_to(self, pool: Any) -> None:
        """Take note of the pool of billiard whose children these are."""
        self._pool = pool

    def wake_ups(self) -> Mapping[int, int]:
        """Return the number of the wake-up that each child has by the pool's books, by process id."""
        jobs = list(self._pool._cache.items()) if self._pool is not None else []
        holders = ((getattr(job, "_scheduled_for", None), number) for number, job in jobs)
        return {process.pid: number for process, number in holders if process is not None}

    def living(self) -> list[int]:
        with self._lock:
            return list(self._descriptors)

    def known(self) -> frozenset[int]:
        """The process ids of the pool's children, also of those that died lately."""
        with self._lock:
            return frozenset((*self._descriptors, *self._buried, *self._dead))

    def wait(self, seconds: float) -> None:
        """Wait until a child dies, or for so long. Watch the new children of the pool first.

        The pool may start some while its event loop stands still, as it does until Redis is back.
        """
        if self._pool is not None:
            self.adopt([process for process in list(self._pool._pool) if process.pid is not None])
        for descriptor, _ in self._poller.poll(max(seconds, 0) * 1000):
            self._bury(descriptor)

    def take_dead(self) -> dict[int, int | None]:
        """Return the children that died since the last call, with their exit codes as `exit_code` returns them."""
        with self._lock:
            dead, self._dead = self._dead, {}
            return dead

    def _watch(self, process: Any) -> None:
        pid = process.pid
        with self._lock:
            if pid in self._buried or pid in self._descriptors or not self.are_watched:
                return
            try:
                descriptor = os.pidfd_open(pid)
            except ProcessLookupError:
                self._dead[pid] = None
                return
            self._descriptors[pid] = descriptor
            self._processes[pid] = process
            self._poller.register(descriptor, select.POLLIN)

    def _bury(self, descriptor: int) -> None:
        with self._lock:
            pid = next(pid for pid, known in self._descriptors.items() if known == descriptor)
            del self._descriptors[pid]
            self._dead[pid] = exit_code(descriptor, self._processes.pop(pid))
            self._buried.append(pid)
            self._poller.unregister(descriptor)
            os.close(descriptor)


def child_watch(children: Children) -> type[bootsteps.Step]:
    """A part of Celery's worker that replaces a dead child at once and tells `children` of new ones."""

    class ChildWatch(bootsteps.StartStopStep):
        requires = ("celery.worker.components:Pool",)
        descriptors: ClassVar[dict[int, int]] = {}

        def register_with_event_loop(self, worker: Any, hub: Any) -> None:
            """Again after each loss of the connection, when the loop has forgotten its readers."""
            self.pool, self.hub = worker.pool._pool, hub
            children.belong_to(self.pool)
            hub.on_tick.add(self.adopt)
            for descriptor in self.descriptors.values():
                hub.add_reader(descriptor, self.replace, descriptor)
            self.adopt()

        def adopt(self) -> None:
            for process in self.pool._pool:
                if process.pid not in self.descriptors and hasattr(os, "pidfd_open"):
                    self._watch(process.pid)
            children.adopt(self.pool._pool)

        def replace(self, descriptor: int) -> None:
            self.hub.remove(descriptor)
            os.close(descriptor)
            pid = next(pid for pid, known in self.descriptors.items() if known == descriptor)
            del self.descriptors[pid]
            self.pool.maintain_pool()

        def _watch(self, pid: int) -> None:
            """A descriptor of the loop's own, since the thread that settles runs closes its."""
            try:
                descriptor = os.pidfd_open(pid)
            except ProcessLookupError:
                return
            self.descriptors[pid] = descriptor
            self.hub.add_reader(descriptor, self.replace, descriptor)

    return ChildWatch
