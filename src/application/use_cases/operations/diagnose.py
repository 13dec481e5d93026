"""Check everything about the store and the service that an operator would check."""

from collections.abc import Callable, Iterable, Iterator, Sequence

from application import service_checks, store_checks
from application.errors import StoreUnavailable
from application.finding import Finding, failure, skipped
from application.ports.clock import Clock
from application.ports.delivery_log import DeliveryFilter, DeliveryLog
from application.ports.heartbeats import Heartbeats
from application.ports.queues import Queues
from application.ports.statistics import Statistics
from application.ports.store_inspection import ScriptsRefused, StoreInspection, StoreUnreachable
from application.ports.store_layout import StoreLayout
from application.ports.store_probe import StoreProbe
from application.ports.task_counts import TaskCounts
from application.task_filter import TaskFilter
from domain.status import WAITING

LATEST_DELIVERIES = 100
Check = Callable[[], Finding | Iterable[Finding]]


class Diagnose:
    """Changes nothing."""

    def __init__(
        self,
        inspection: StoreInspection,
        probe: StoreProbe,
        layout: StoreLayout,
        clock: Clock,
        heartbeats: Heartbeats,
        queues: Queues,
        statistics: Statistics,
        task_counts: TaskCounts,
        delivery_log: DeliveryLog,
    ) -> None:
        self._inspection = inspection
        self._probe = probe
        self._layout = layout
        self._clock = clock
        self._heartbeats = heartbeats
        self._queues = queues
        self._statistics = statistics
        self._task_counts = task_counts
        self._delivery_log = delivery_log

    def execute(self, url: str, known_types: Sequence[str] | None) -> Iterator[Finding]:
        """Yield the findings in the order in which an operator would look. Raises nothing.

        `url` is where the store is, without secrets. `known_types` are the types of task that the
        handlers of this host have; None when they cannot be loaded.
        """
        try:
            self._inspection.connect()
        except StoreUnreachable as error:
            yield store_checks.judge_connection(url, error.fault, error.reason)
            for name in self._checks(known_types):
                yield skipped(name, "Not checked, because Redis cannot be used.")
            return
        yield store_checks.judge_connection(url, None, "")
        for name, check in self._checks(known_types).items():
            yield from findings_of(name, check)

    def _checks(self, known_types: Sequence[str] | None) -> dict[str, Check]:
        return {
            "version": lambda: store_checks.judge_version(self._inspection.server()),
            "role": lambda: store_checks.judge_role(self._inspection.server()),
            "scripts": self._scripts,
            "layout": lambda: store_checks.judge_layout(self._layout.stored()),
            "clock": self._clocks,
            "eviction": lambda: store_checks.judge_eviction(self._probe.settings()),
            "persistence": lambda: store_checks.judge_persistence(self._probe.settings()),
            "disk": lambda: store_checks.judge_disk(
                self._inspection.server(), self._probe.capacity()
            ),
            "memory": lambda: store_checks.judge_memory(self._probe.capacity()),
            "maintenance": lambda: service_checks.judge_maintenance(
                self._heartbeats.alive("maintenance")
            ),
            "workers": lambda: service_checks.judge_workers(self._heartbeats.alive("worker")),
            "queues": lambda: service_checks.judge_queues(
                self._queues.states(self._queues.waiting()), self._heartbeats.alive("worker")
            ),
            "types": lambda: self._types(known_types),
            "callbacks": lambda: service_checks.judge_callbacks(
                self._delivery_log.pending(),
                self._delivery_log.latest(DeliveryFilter(), limit=LATEST_DELIVERIES).deliveries,
            ),
        }

    def _scripts(self) -> Finding:
        try:
            self._inspection.try_scripts()
        except ScriptsRefused as error:
            return store_checks.judge_scripts(error.fault, error.reason)
        return store_checks.judge_scripts(None, "")

    def _clocks(self) -> Finding:
        """Compare the store's time with the middle of the call that asked for it."""
        before = self._clock.now()
        theirs = self._inspection.time()
        after = self._clock.now()
        return store_checks.judge_clock(before + (after - before) / 2 - theirs)

    def _types(self, known: Sequence[str] | None) -> Iterable[Finding]:
        if known is None:
            return [skipped("types", "Not checked, because the handlers cannot be loaded.")]
        stored = self._statistics.by_type()
        waiting = {name: self._waiting(name) for name in stored if name not in known}
        return service_checks.judge_types({name: n for name, n in waiting.items() if n})

    def _waiting(self, type: str) -> int:
        counts = self._task_counts.by_status(TaskFilter(type=type)).numbers
        return sum(number for status, number in counts.items() if status in WAITING)


def findings_of(name: str, check: Check) -> Sequence[Finding]:
    """Return the findings of a check; an error of it is one of them."""
    try:
        found = check()
        return [found] if isinstance(found, Finding) else list(found)
    except StoreUnavailable as error:
        return [_not_gathered(name, f"Redis replied: {error.reason}")]
    except Exception as error:  # whatever is wrong, the other checks go on
        return [_not_gathered(name, f"{type(error).__name__}: {error}")]


def _not_gathered(name: str, reason: str) -> Finding:
    return failure(
        name,
        f"This could not be checked. {reason}",
        "Repair what the earlier findings name, then repeat this command.",
    )
