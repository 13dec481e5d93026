"""The command line of the benchmarks: measure group by group, and write the page."""

import tempfile
import time
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from benchmarks.chart import chart
from benchmarks.findings import Findings
from benchmarks.goals import verdicts
from benchmarks.groups import GROUPS
from benchmarks.load import LoadFailed
from benchmarks.machine import machine_facts
from benchmarks.page import changed_verdicts, goals_section, group_section, page
from benchmarks.plan import QUICK, Plan
from benchmarks.processes import ROOT, NotReady, exit_on_signals, running_store
from benchmarks.progress import say

PAGE = ROOT / "docs" / "benchmarks.md"
CHART = ROOT / "docs" / "benchmarks.svg"
DRAWN = ("submit", "get one", "list of 10", "list of 100", "empty tasks, 2", "empty tasks, 4")


def chosen_groups(_: click.Context, __: click.Parameter, value: str | None) -> list[str]:
    names = value.split(",") if value else list(GROUPS)
    if unknown := [name for name in names if name not in GROUPS]:
        raise click.BadParameter(f"{unknown[0]!r} is none of {', '.join(GROUPS)}")
    return names


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--only",
    callback=chosen_groups,
    metavar="GROUPS",
    help=f"Measure these groups and print them: {', '.join(GROUPS)}.",
)
@click.option(
    "--peers/--no-peers",
    default=True,
    help="Without: compare with the plain service and plain Celery alone; installs nothing.",
)
@click.option(
    "--seconds", type=click.FloatRange(0.2, 60), help="One round of one operation.  [default: 3]"
)
@click.option(
    "--rounds", type=click.IntRange(1, 20), help="Rounds in which all take turns.  [default: 3]"
)
@click.option("--quick", is_flag=True, help="Short rounds and few tasks: to see that it works.")
def main(only: list[str], peers: bool, quick: bool, **given: Any) -> None:
    """Measure this service against plain Flask + Celery + Redis and against its peers.

    Everything runs on 127.0.0.1, each subject with a Redis server of its own, and takes turns. It
    takes about a quarter of an hour, says on standard error what it does, and writes
    docs/benchmarks.md and docs/benchmarks.svg. With --only or --quick it prints to standard output
    instead. Ctrl-C stops everything. It fails if something could not be measured or an answer was
    wrong, but not if a goal is not reached.

    \b
    Example: how fast tasks are submitted, with longer rounds
      python -m benchmarks --only submit --seconds 10
    """
    exit_on_signals()
    amounts = {name: value for name, value in given.items() if value is not None}
    plan = replace(QUICK if quick else Plan(), peers=peers, **amounts)
    try:
        findings, facts = measured(only, plan)
    except (LoadFailed, NotReady) as error:
        raise click.ClickException(str(error)) from error
    found = verdicts(findings)
    differences = changed_verdicts(PAGE.read_text() if PAGE.exists() else "", found)
    if quick or not peers or len(only) < len(GROUPS):
        sections = [group_section(name, findings) for name in only]
        print(facts, "", *sections, goals_section(found), sep="\n")
    else:
        PAGE.write_text(page(findings, found, facts))
        CHART.write_text(chart([findings.contests[key] for key in DRAWN]))
        say(f"Written: {PAGE.relative_to(ROOT)}, {CHART.relative_to(ROOT)}")
    say_verdicts(differences, reached=sum(each.reached for each in found), total=len(found))


def measured(groups: Iterable[str], plan: Plan) -> tuple[Findings, str]:
    """Return the findings and the facts. Every process that was started has ended by then."""
    findings = Findings()
    with tempfile.TemporaryDirectory(prefix="benchmarks-") as name:
        directory = Path(name)
        with running_store(directory / "facts") as store:
            facts = machine_facts(store)
        for group in groups:
            began = time.monotonic()
            say(f"Group {group}")
            folder = directory / group
            folder.mkdir()
            GROUPS[group](folder, plan, findings)
            say(f"  {time.monotonic() - began:.0f} s")
    return findings, facts


def say_verdicts(differences: Sequence[str], *, reached: int, total: int) -> None:
    say(f"{reached} of {total} goals are reached.")
    if not PAGE.exists():
        return
    say(f"Verdicts that differ from those of the page before: {len(differences) or 'none'}")
    for line in differences:
        say(f"  {line}")
