"""`series`."""

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

import click

from task_manager_cli.app import App, connected
from task_manager_cli.exits import say
from task_manager_cli.output import Column, output_options, print_json, print_rows

if TYPE_CHECKING:
    from task_manager_client.service_models import Series, TimeSeries

SPANS = ["5m", "60m", "2h", "24h", "7d", "14d"]
COUNTS = ["submitted", "completed", "failed", "cancelled", "expired", "retried"]
VALUES = [*COUNTS, "backlog", "wait_p50", "wait_p95", "run_p50", "run_p95"]
OTHERS = "(others)"
"""The name of all queues or types that the service does not list; no queue or type has it."""


@dataclass(frozen=True)
class Step:
    """The numbers of a minute or an hour."""

    begins_at: datetime
    name: str
    """A queue or type; empty for all tasks."""
    values: dict[str, float | None]

    @property
    def raw(self) -> dict[str, Any]:
        """Return the object of --jsonl."""
        return {
            "begins_at": f"{self.begins_at:%Y-%m-%dT%H:%M:%SZ}",
            "name": self.name,
        } | self.values

    @property
    def is_empty(self) -> bool:
        """Return whether nothing happened and nothing waited."""
        return not any(self.values[name] for name in (*COUNTS, "backlog"))


def cell_of(name: str) -> Column:
    """Return the column of a value."""
    return Column(name.upper().replace("_", " "), lambda step: step.values[name])


TIME = Column("BEGINS", lambda step: step.begins_at, whole=True)
NAME = Column("NAME", lambda step: step.name)
NUMBERS = [cell_of(name) for name in VALUES]


@click.command("series")
@click.option("--span", type=click.Choice(SPANS), default="60m", help="The time until now; 60m.")
@click.option("--by", type=click.Choice(["queue", "type"]), help="One row for each that was busy.")
@click.option("--name", help="Only this queue, or with --by type this type.")
@output_options("json", "jsonl")
@connected
def series_command(app: App, span: Any, by: Any, name: str | None, form: str | None) -> int:
    """Show what happened in each minute, or each hour for spans of 24h and more.

    \b
    Columns: begin, name, submitted, completed, failed, cancelled, expired, retried, waiting
    (backlog), and the seconds of wait and of run that 50 % and 95 % did not exceed. A terminal
    shows the columns that have numbers. Without --by and --name there are no names: the numbers
    are those of all tasks. Examples:
      task-manager series --span 24h
      task-manager series --span 5m --by type
      task-manager series --span 7d --name media --jsonl
    """
    kind: Any = by or "queue"
    with app.client() as client:
        series = client.series(span=span, by=kind)
    if form == "json":
        print_json(series.raw)
        return 0
    if by or name is not None:
        steps, columns = list(steps_by_name(series, name)), [TIME, NAME, *NUMBERS]
    else:
        steps, columns = list(steps_of(series, series.total, "")), [TIME, *NUMBERS]
    if not steps:
        which = f"the {kind} {name}" if name is not None else f"any {kind}"
        say(f"Nothing is known of {which} in this time. The service names only the busiest.")
    if form is None and sys.stdout.isatty():
        columns = [each for each in columns if any(map(each.cell, steps))]
    print_rows(steps, columns, form)
    return 0


def steps_by_name(series: "Series", name: str | None) -> Iterator[Step]:
    """Yield the steps in which something happened, of one queue or type or of each."""
    named = [(each.name or "", each) for each in series.series]
    if series.others:
        named.append((OTHERS, series.others))
    wanted = [steps_of(series, each, its) for its, each in named if name in (None, its)]
    for steps in zip(*wanted, strict=True):
        yield from (step for step in steps if not step.is_empty)


def steps_of(series: "Series", values: "TimeSeries", name: str) -> Iterator[Step]:
    """Yield all steps of one queue or type, or of all, oldest first."""
    for at, begins_at in enumerate(series.begins_at):
        yield Step(begins_at, name, {each: getattr(values, each)[at] for each in VALUES})
