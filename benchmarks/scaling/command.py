"""The command line that measures how cost grows."""

import os
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

import click

from benchmarks.findings import Sample
from benchmarks.load import LoadFailed
from benchmarks.machine import machine_facts
from benchmarks.processes import ROOT, NotReady, exit_on_signals, running_store
from benchmarks.progress import say
from benchmarks.scaling import parts, stored, streams
from benchmarks.scaling.machines import arithmetic
from benchmarks.scaling.plan import QUICK, ScalingPlan
from benchmarks.scaling.sections import NoMarkers, marked, with_section

PAGE = ROOT / "docs" / "scaling.md"
Part = Callable[[Path, ScalingPlan, dict[str, Sample]], str]
PARTS: Mapping[str, Part] = {
    "stored": lambda directory, plan, _: stored.measure(directory, plan),
    "clients": parts.clients,
    "children": parts.children,
    "events": parts.events,
    "labels": parts.labels,
    "queues": parts.queues,
    "streams": lambda directory, plan, _: streams.measure(directory, plan),
}
COSTS = {"POST", "GET", "run"}
"""Costs for the arithmetic of the machines. The parts `clients` and `children` measure them."""


def chosen_parts(_: click.Context, __: click.Parameter, value: str | None) -> list[str]:
    names = value.split(",") if value else list(PARTS)
    if unknown := [name for name in names if name not in PARTS]:
        raise click.BadParameter(f"{unknown[0]!r} is none of {', '.join(PARTS)}")
    return names


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--only",
    callback=chosen_parts,
    metavar="PARTS",
    help=f"Measure these parts: {', '.join(PARTS)}.",
)
@click.option("--seconds", type=click.FloatRange(0.5, 60), help="One measurement.  [default: 3]")
@click.option(
    "--tasks",
    type=click.IntRange(1_000, 10_000_000),
    help="The most tasks that are stored; a million takes about a gigabyte.  [default: 1000000]",
)
@click.option("--quick", is_flag=True, help="Small sizes: to see that it works. Writes no page.")
def main(only: list[str], seconds: float | None, tasks: int | None, quick: bool) -> None:
    """Measure how the cost of this service grows with tasks, clients, children and more.

    Everything runs on 127.0.0.1 with Redis servers of its own. It takes about a quarter of an hour,
    says on standard error what it does, prints the tables to standard output, and writes those of
    the measured parts into docs/scaling.md, between their markers. Ctrl-C stops everything.

    \b
    Example: only what the number of stored tasks costs, up to 100,000
      python -m benchmarks.scaling --only stored --tasks 100000
    """
    exit_on_signals()
    plan = QUICK if quick else ScalingPlan()
    plan = replace(plan, seconds=seconds or plan.seconds)
    if tasks:
        plan = replace(plan, stored=tuple(size for size in plan.stored if size <= tasks))
    try:
        sections = measured(only, plan)
        for name, text in sections.items():
            print(f"{marked(name, text)}\n")
        if PAGE.exists() and not quick:
            write(sections)
    except (LoadFailed, NotReady, NoMarkers) as error:
        raise click.ClickException(str(error)) from error


def measured(names: list[str], plan: ScalingPlan) -> dict[str, str]:
    """Return the text of each part, that of the machine, and the arithmetic if its costs are known.

    Every process that was started has ended by then.
    """
    costs: dict[str, Sample] = {}
    with tempfile.TemporaryDirectory(prefix="scaling-") as folder:
        directory = Path(folder)
        with running_store(directory / "facts") as store:
            sections = {"machine": machine_facts(store)}
        for name in names:
            began = time.monotonic()
            say(f"Part {name}")
            (directory / name).mkdir()
            sections[name] = PARTS[name](directory / name, plan, costs)
            say(f"  {time.monotonic() - began:.0f} s")
    if costs.keys() == COSTS:
        sections["machines"] = arithmetic(costs, os.cpu_count() or 1)
    return sections


def write(sections: Mapping[str, str]) -> None:
    """Replace these parts of the page. Raises NoMarkers, and leaves the page as it is then."""
    page = PAGE.read_text()
    for name, text in sections.items():
        page = with_section(page, name, text)
    PAGE.write_text(page)
    say(f"Written: {PAGE.relative_to(ROOT)}")
