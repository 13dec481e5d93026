"""The part of Celery's worker that replaces a dead child at once."""

import os
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from celery import bootsteps

from adapters.supervision.children import Children


class BilliardPool:
    """Reads the pool's private lists for supervision. Copies them: other threads change them."""

    def __init__(self, pool: Any) -> None:
        self._pool = pool

    def processes(self) -> Sequence[Any]:
        return [process for process in list(self._pool._pool) if process.pid is not None]

    def wake_ups(self) -> Mapping[int, int]:
        jobs = list(self._pool._cache.items())
        holders = ((getattr(job, "_scheduled_for", None), number) for number, job in jobs)
        return {process.pid: number for process, number in holders if process is not None}


def child_watch(children: Children) -> type[bootsteps.Step]:
    """Return a bootstep that replaces dead children and tells `children` of new ones."""

    class ChildWatch(bootsteps.StartStopStep):
        requires = ("celery.worker.components:Pool",)
        descriptors: ClassVar[dict[int, int]] = {}

        def register_with_event_loop(self, worker: Any, hub: Any) -> None:
            """Watch the children.

            Celery calls this again after each reconnect, which clears the loop.
            """
            self.pool, self.hub = worker.pool._pool, hub
            children.belong_to(BilliardPool(self.pool))
            hub.on_tick.add(self.watch_new)
            for descriptor in self.descriptors.values():
                hub.add_reader(descriptor, self.replace, descriptor)
            self.watch_new()

        def watch_new(self) -> None:
            for process in self.pool._pool:
                if process.pid not in self.descriptors and children.are_watched:
                    self._watch(process.pid)
            children.watch(self.pool._pool)

        def replace(self, descriptor: int) -> None:
            self.hub.remove(descriptor)
            os.close(descriptor)
            pid = next(pid for pid, known in self.descriptors.items() if known == descriptor)
            del self.descriptors[pid]
            self.pool.maintain_pool()

        def _watch(self, pid: int) -> None:
            """Open a descriptor for the loop alone: the thread of the run guard closes its own.

            Without a descriptor, Celery notices the death after up to 4.4 s.
            """
            try:
                descriptor = os.pidfd_open(pid)
            except OSError:  # it is dead, or no descriptors are left
                return
            self.descriptors[pid] = descriptor
            self.hub.add_reader(descriptor, self.replace, descriptor)

    return ChildWatch
