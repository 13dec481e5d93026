"""Counts of what must not be: lost, overlapping, stale and stuck work."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from domain.status import Status
from domain.task import Task
from tests.chaos.journal import Execution


@dataclass(frozen=True, kw_only=True)
class Counts:
    lost: int = 0
    """Accepted tasks without a record, or COMPLETED without an execution that returned."""
    overlap: int = 0
    """Executions of a task that began while another one ran."""
    stale: int = 0
    """Tasks whose result is not that of the last claim."""
    stuck: int = 0
    """Accepted tasks that are not final by the deadline."""

    @property
    def clean(self) -> bool:
        return not (self.lost or self.overlap or self.stale or self.stuck)

    def __add__(self, other: "Counts") -> "Counts":
        return Counts(
            lost=self.lost + other.lost,
            overlap=self.overlap + other.overlap,
            stale=self.stale + other.stale,
            stuck=self.stuck + other.stuck,
        )

    def __str__(self) -> str:
        return f"lost {self.lost} overlap {self.overlap} stale {self.stale} stuck {self.stuck}"


def count(
    accepted: Iterable[str],
    records: Mapping[str, Task],
    executions: Mapping[str, Sequence[Execution]],
) -> Counts:
    """Count over the accepted tasks.

    `executions` of a task are in the order of their start lines.
    """
    accepted = list(accepted)
    tasks = [records[task_id] for task_id in accepted if task_id in records]
    unfounded = [
        task
        for task in tasks
        if task.status is Status.COMPLETED
        and not any(run.how == "returned" for run in executions.get(task.task_id, ()))
    ]
    return Counts(
        lost=len(accepted) - len(tasks) + len(unfounded),
        overlap=sum(overlaps(executions.get(task_id, ())) for task_id in accepted),
        stale=sum(is_stale(task, executions.get(task.task_id, ())) for task in tasks),
        stuck=sum(not task.status.is_final for task in tasks),
    )


def overlaps(runs: Sequence[Execution]) -> int:
    times = sorted(
        (begin, end, number)
        for number, run in enumerate(runs)
        for begin, end in run.open_times()
        if end > begin
    )
    found, open_until, by = 0, float("-inf"), -1
    for begin, end, number in times:
        found += begin < open_until and number != by
        if end > open_until:
            open_until, by = end, number
    return found


def is_stale(task: Task, runs: Sequence[Execution]) -> bool:
    if task.status is not Status.COMPLETED:
        return False
    last = max((run.fencing_token for run in runs), default=task.fencing_token)
    return not task.result["claim"] == task.fencing_token == last
