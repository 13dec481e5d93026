"""Measure this version against an older one: `python -m benchmarks.versions`."""

import http.client
import json
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import click

from benchmarks.plan import Plan
from benchmarks.report import machine_facts
from benchmarks.rows import table
from benchmarks.scenarios import CONNECTIONS, GETS, SUBMIT, compare
from benchmarks.subjects import NotReady, Pair, Subject, exit_on_signals, running_version

TASKS_IN_A_BATCH = 1_000
HEAD = """\
# This version and an older one

{facts}

{connections} keep-alive connections; {tasks:,} tasks stored during the GETs; a round takes
{seconds:g} s. The versions took turns on one machine: only the factors mean something elsewhere.
A factor is the median of the factors of {rounds} rounds; above 1, this version is better.

"""
COLUMNS = ("", "now", "before", "now is better by", "in the rounds")


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
    plan = Plan(seconds=seconds, rounds=rounds, tasks=tasks)
    try:
        text = measured(against, plan)
    except NotReady as error:
        raise click.ClickException(str(error)) from error
    print(text, end="")
    if write:
        write.write_text(text)


def measured(against: Path, plan: Plan) -> str:
    """Return the report."""
    with _running_versions(against) as pair:
        for subject in pair:
            _fill(subject, plan.tasks)
        rows = [row for scenario in (*GETS, SUBMIT) for row in compare(scenario, pair, plan)]
        head = HEAD.format(
            facts=machine_facts(pair[0].store),
            connections=CONNECTIONS,
            tasks=plan.tasks,
            seconds=plan.seconds,
            rounds=plan.rounds,
        )
    return f"{head}{table(COLUMNS, rows)}\n"


@contextmanager
def _running_versions(against: Path) -> Iterator[Pair]:
    with tempfile.TemporaryDirectory(prefix="versions-") as name, ExitStack() as stack:

        def start(label: str, source: Path | None) -> Subject:
            subject = stack.enter_context(running_version(Path(name) / label, source))
            subject.name = label
            return subject

        yield start("now", None), start("before", against)


def _fill(subject: Subject, tasks: int) -> None:
    """Submit tasks by HTTP, which every version understands."""
    one = {"task_name": "benchmark", "duration": 1}
    body = json.dumps({"tasks": [one] * TASKS_IN_A_BATCH})
    connection = http.client.HTTPConnection(*subject.address, timeout=60)
    for _ in range(tasks // TASKS_IN_A_BATCH):
        connection.request("POST", "/tasks/batch", body, {"Content-Type": "application/json"})
        response = connection.getresponse()
        text = response.read().decode()
        if response.status != http.client.ACCEPTED:
            raise NotReady(f"{subject.name} refused a batch: {text[:500]}")
        subject.task_ids += [task["task_id"] for task in json.loads(text)["tasks"]]
    connection.close()


if __name__ == "__main__":
    main(prog_name="python -m benchmarks.versions")
