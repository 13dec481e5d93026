"""The command line of the benchmarks, which runs all measurements one after the other."""

import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from benchmarks import growth, memory, scale, scenarios, streams, throughput
from benchmarks.load import LoadFailed
from benchmarks.plan import QUICK, Plan
from benchmarks.progress import say
from benchmarks.redis_commands import commands_of_submits
from benchmarks.report import Findings, machine_facts, report, worker_report
from benchmarks.rows import Growth, Row
from benchmarks.stored_tasks import fill
from benchmarks.subjects import (
    NotReady,
    Pair,
    exit_on_signals,
    running_both,
    running_on,
    running_store,
)


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--seconds", type=click.FloatRange(0.5, 60), help="One round of one scenario.  [default: 4]"
)
@click.option(
    "--rounds", type=click.IntRange(1, 20), help="Rounds in which both take turns.  [default: 3]"
)
@click.option(
    "--tasks",
    type=click.IntRange(100, 100_000),
    help="Stored tasks during the GETs.  [default: 100000]",
)
@click.option("--quick", is_flag=True, help="Short rounds and few tasks: to see that it works.")
@click.option(
    "--worker", is_flag=True, help="Only how many tasks a worker runs: about five minutes."
)
@click.option(
    "--write",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Save the report to this file, too.",
)
def main(quick: bool, worker: bool, write: Path | None, **given: Any) -> None:
    """Measure this service against a plain one of Flask, Celery and Redis.

    Both run on this machine, with a Redis server of the same program each, and take turns. The
    report goes to standard output, the progress to standard error. It takes about half an hour;
    Ctrl-C stops everything.

    \b
    Example: longer rounds, and the report in a file
      python -m benchmarks --seconds 10 --rounds 5 --write benchmarks/results/today.md
    """
    require_folder(write)
    exit_on_signals()
    try:
        text = (measured_worker if worker else measured)(plan_of(quick, given))
    except (LoadFailed, NotReady) as error:
        raise click.ClickException(str(error)) from error
    print(text)
    if write:
        write.write_text(text)


def plan_of(quick: bool, given: dict[str, Any]) -> Plan:
    plan = replace(
        QUICK if quick else Plan(),
        **{name: value for name, value in given.items() if value is not None},
    )
    return replace(plan, many=max(plan.many, plan.tasks))


def require_folder(file: Path | None) -> None:
    """Check at the start what would fail only after minutes."""
    if file and not file.parent.is_dir():
        raise click.BadParameter(f"there is no folder {str(file.parent)!r}", param_hint="--write")


def measured(plan: Plan) -> str:
    """Return the report. Every process that was started has ended by then."""
    with tempfile.TemporaryDirectory(prefix="benchmarks-") as name:
        directory = Path(name)
        with running_both(directory) as pair:
            facts = machine_facts(pair[0].store)
            http = submit_rows(pair, plan)
            say("Redis commands of a submit")
            our_commands, plain_commands = map(commands_of_submits, pair)
            http += get_rows(pair, plan)
            pages = page_growth(pair, directory, plan)
        say("A worker with empty tasks")
        worker = throughput.throughput(directory, plan)
        say("Memory")
        used = memory.bytes_per_task(directory, plan)
        say("Streams")
        held = streams.open_streams(directory / "streams", plan)
        say("Filters with very many tasks")
        filtered = scale.filters_at_scale(directory / "scale", plan)
        findings = Findings(http, pages, worker, used, our_commands, plain_commands, held, filtered)
        return report(findings, plan, facts)


def measured_worker(plan: Plan) -> str:
    """Return the part of the report about workers."""
    with tempfile.TemporaryDirectory(prefix="benchmarks-") as name:
        directory = Path(name)
        with running_store(directory / "facts") as store:
            facts = machine_facts(store)
        return worker_report(throughput.throughput(directory, plan), plan, facts)


def submit_rows(pair: Pair, plan: Plan) -> list[Row]:
    say("HTTP")
    return scenarios.compare(scenarios.SUBMIT, pair, plan)


def get_rows(pair: Pair, plan: Plan) -> list[Row]:
    for subject in pair:
        subject.store.client.execute_command("FLUSHALL", "SYNC")
    fill(pair, plan.tasks)
    return [row for scenario in scenarios.GETS for row in scenarios.compare(scenario, pair, plan)]


def page_growth(many: Pair, directory: Path, plan: Plan) -> list[Growth]:
    """Measure the growth. The few tasks are in another database of the same servers."""
    say("A page with few and with many tasks")
    fill(many, plan.many)
    ours, plain = many
    with running_on(ours.store, plain.store, directory, database=1) as few:
        fill(few, plan.few)
        return growth.page_growth(few, many, plan)
