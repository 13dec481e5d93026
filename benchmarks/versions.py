"""Measure this version against an older one: `python -m benchmarks.versions`."""

import http.client
import json
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from itertools import repeat
from pathlib import Path

import click

from benchmarks.contests import CONNECTIONS, Entry, contest
from benchmarks.findings import Contest
from benchmarks.groups.read import entry, pages, reads
from benchmarks.groups.submit import POST_TASK, is_queued
from benchmarks.load import LoadFailed
from benchmarks.machine import machine_facts
from benchmarks.page import contest_table
from benchmarks.processes import NotReady, exit_on_signals
from benchmarks.readers import call
from benchmarks.subjects import Subject, running_version

TASKS_IN_A_BATCH = 1_000
SIZES = (10, 100)
HEAD = """\
# This version and an older one

{facts}

{connections} keep-alive connections; {tasks:,} tasks stored during the GETs; a round takes
{seconds:g} s. The versions took turns on one machine: only the ratios mean something elsewhere.
Figures are medians of {rounds} rounds, with the lowest and the highest. CPU in ms per request.

"""


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--against",
    required=True,
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="The folder `src` of the older version.",
)
@click.option(
    "--seconds", type=click.FloatRange(0.5, 60), default=2, show_default=True, help="One round."
)
@click.option(
    "--rounds",
    type=click.IntRange(1, 50),
    default=5,
    show_default=True,
    help="Rounds in which both take turns.",
)
@click.option(
    "--tasks",
    type=click.IntRange(1_000, 100_000),
    default=20_000,
    show_default=True,
    help="Stored tasks during the GETs, rounded down to thousands.",
)
@click.option(
    "--write", type=click.Path(dir_okay=False, path_type=Path), help="Save the report there, too."
)
def main(against: Path, seconds: float, rounds: int, tasks: int, write: Path | None) -> None:
    """Measure the HTTP scenarios of two versions of this service in turns.

    Everything runs on 127.0.0.1 with Redis servers of its own. The report goes to standard output,
    the progress to standard error. It takes about two minutes; Ctrl-C stops everything.

    \b
    Example: this version and an older one
      git worktree add ../older <commit>
      python -m benchmarks.versions --against ../older/src
    """
    exit_on_signals()
    try:
        text = measured(against, seconds=seconds, rounds=rounds, tasks=tasks)
    except (LoadFailed, NotReady) as error:
        raise click.ClickException(str(error)) from error
    print(text, end="")
    if write:
        write.write_text(text)


def measured(against: Path, *, seconds: float, rounds: int, tasks: int) -> str:
    """Return the report."""
    with _running_versions(against) as subjects:
        for subject in subjects:
            _fill(subject, tasks)
        facts = machine_facts(subjects[0].store)
        found = [
            contest(title, entries, base="before", rounds=rounds, seconds=seconds)
            for title, entries in _entries(subjects).items()
        ]
    head = HEAD.format(
        facts=facts, connections=CONNECTIONS, tasks=tasks, seconds=seconds, rounds=rounds
    )
    return head + "\n\n".join(map(_section, found)) + "\n"


def _entries(subjects: list[Subject]) -> dict[str, list[Entry]]:
    entries = {"GET one task": [entry(each, *reads(each)) for each in subjects]}
    for size in SIZES:
        entries[f"GET a page of {size}"] = [entry(each, *pages(each, size)) for each in subjects]
    submits = partial(repeat, POST_TASK)
    entries["POST a task"] = [entry(each, submits, is_queued) for each in subjects]
    return entries


def _section(found: Contest) -> str:
    return f"## {found.title}\n\n{contest_table(found)}"


@contextmanager
def _running_versions(against: Path) -> Iterator[list[Subject]]:
    with tempfile.TemporaryDirectory(prefix="versions-") as name, ExitStack() as stack:

        def start(label: str, source: Path | None) -> Subject:
            subject = stack.enter_context(running_version(Path(name) / label, source))
            subject.name = label
            return subject

        yield [start("now", None), start("before", against)]


def _fill(subject: Subject, tasks: int) -> None:
    """Submit tasks by HTTP, which every version understands."""
    one = {"task_name": "benchmark", "duration": 1}
    body = json.dumps({"tasks": [one] * TASKS_IN_A_BATCH})
    for _ in range(tasks // TASKS_IN_A_BATCH):
        status, _, response = call(subject.address, "POST", "/tasks/batch", body)
        if status != http.client.ACCEPTED:
            raise NotReady(f"{subject.name} refused a batch: {response[:500]!r}")
        subject.task_ids += [task["task_id"] for task in json.loads(response)["tasks"]]


if __name__ == "__main__":
    main(prog_name="python -m benchmarks.versions")
