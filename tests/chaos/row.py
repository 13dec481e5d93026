"""A row of the table: how it measures, and what it prints."""

import statistics
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.chaos.checker import Counts
from tests.chaos.site import Site
from tests.integration.processes import ServiceProcess

QUICK_SHARE = 5

Measure = Callable[["Run"], "Outcome"]


@dataclass(kw_only=True)
class Outcome:
    repetitions: int = 0
    tasks: int = 0
    counts: Counts = field(default_factory=Counts)
    recoveries: list[float] = field(default_factory=list)
    limit: float | None = None
    """Seconds that no recovery may exceed."""
    faults: list[str] = field(default_factory=list)
    """Broken promises besides those that are counted."""
    notes: list[str] = field(default_factory=list)
    of_celery: bool = False
    """A measurement of plain Celery, which neither passes nor fails."""

    @property
    def passed(self) -> bool:
        late = self.limit is not None and any(seconds > self.limit for seconds in self.recoveries)
        return self.of_celery or (self.counts.clean and not late and not self.faults)

    def expect(self, holds: bool, otherwise: str) -> None:
        if not holds:
            self.faults.append(otherwise)

    def settle(self, site: Site, seconds: float) -> None:
        """Wait until all tasks are final, and count what must not be."""
        site.settle(seconds)
        self.tasks += len(site.accepted)
        self.counts += site.counts()

    def expect_crashes(self, site: Site, number: int = 0, ids: Iterable[str] | None = None) -> None:
        """Expect so many counted crashes of these tasks, else of all."""
        crashes = site.crashes(ids)
        self.expect(crashes == number, f"{crashes} crashes counted, not {number}")

    def expect_quiet(self, *processes: ServiceProcess) -> None:
        """Expect that these processes go on and have logged no error."""
        for each in processes:
            self.expect(not each.has_ended, f"process {each.pid} has ended")
            wrong = [line for line in each.output.splitlines() if '"level": "error"' in line]
            self.expect(not wrong, f"an error was logged: {wrong[:1]}")

    def expect_one_run_each(self, site: Site) -> None:
        others = sum(len(site.journal.of(task_id)) != 1 for task_id in site.accepted)
        self.expect(not others, f"{others} tasks ran not exactly once")


@dataclass(frozen=True, kw_only=True)
class Run:
    """The settings for carrying out one row."""

    row: str
    directory: Path
    quick: bool

    def times(self, full: int) -> int:
        return max(1, full // QUICK_SHARE) if self.quick else full

    def site(self, name: str = "site", **options: Any) -> Site:
        return Site(self.directory / self.row / name, **options)

    def say(self, text: str) -> None:
        sys.stderr.write(
            f"\r\033[K{self.row}: {text}" if sys.stderr.isatty() else f"{self.row}: {text}\n"
        )
        sys.stderr.flush()


@dataclass(frozen=True, kw_only=True)
class Row:
    id: str
    fault: str
    measure: Measure
    in_quick: bool = True
    """False when it takes long and another row shows nearly the same."""

    def line(self, outcome: Outcome, seconds: float) -> str:
        parts = [f"{self.id:6}{self.fault}", f"{outcome.repetitions} x, {outcome.tasks} tasks"]
        if not outcome.of_celery:
            parts.append(str(outcome.counts))
        if outcome.recoveries:
            limit = f" (limit {outcome.limit:g})" if outcome.limit is not None else ""
            middle, worst = statistics.median(outcome.recoveries), max(outcome.recoveries)
            parts.append(f"restart p50 {middle:.2f} s p100 {worst:.2f} s{limit}")
        verdict = "Celery" if outcome.of_celery else "PASS" if outcome.passed else "FAIL"
        return " | ".join(
            [*parts, *outcome.notes, f"took {seconds:.0f} s", verdict, *outcome.faults[:5]]
        )


ROWS: list[Row] = []


def row(id: str, fault: str, *, in_quick: bool = True) -> Callable[[Measure], Measure]:
    """Put a function into the table."""

    def register(measure: Measure) -> Measure:
        ROWS.append(Row(id=id, fault=fault, measure=measure, in_quick=in_quick))
        return measure

    return register
