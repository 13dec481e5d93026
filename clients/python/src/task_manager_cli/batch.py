"""`batch`."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TextIO

import click

from task_manager_cli import batch_input
from task_manager_cli.app import App, connected
from task_manager_cli.batch_run import BatchRun, Outcome
from task_manager_cli.exits import ERROR, say
from task_manager_cli.options import Label
from task_manager_cli.output import to_json


@click.command("batch")
@click.argument("file", default="-", metavar="[FILE]")
@click.option(
    "--format",
    "kind",
    type=click.Choice(["ndjson", "csv"]),
    help="By default csv for a name that ends in .csv, otherwise ndjson.",
)
@click.option(
    "--map", "mapping", multiple=True, metavar="COLUMN=MEMBER", help="For CSV; := is JSON."
)
@click.option("--type", "type_", help="The type of tasks that name none.")
@click.option("--queue", help="The queue of tasks that name none.")
@click.option("--priority", type=click.IntRange(0, 9))
@click.option("--label", multiple=True, type=Label(), help="For all tasks; may be repeated.")
@click.option("--key", default="", help="Text that makes the same file a new run.")
@click.option("--rejects", type=click.Path(dir_okay=False), help="Write invalid tasks here; go on.")
@click.option("--parallel", type=click.IntRange(1, 8), default=2, help="Requests at once; 2.")
@click.option(
    "--chunk",
    type=click.IntRange(1, 1_000),
    default=1_000,
    help="Tasks of one request; 1000. Not more than the limit of requests of your key.",
)
@click.option("--ids", is_flag=True, help="Print the id of each task.")
@click.option("--json", "as_json", is_flag=True, help="Print the numbers as JSON.")
@connected
def batch_command(
    app: App,
    file: str,
    kind: str | None,
    mapping: tuple[str, ...],
    key: str,
    rejects: str | None,
    parallel: int,
    chunk: int,
    ids: bool,
    as_json: bool,
    **common: Any,
) -> int:
    """Submit a task for each line of FILE, or of stdin.

    NDJSON: one object with the members of a task on each line. CSV: the header names the members,
    such as task_name, duration or payload.url; --map renames columns.

    The tasks are sent in chunks, each with a key made of its content and position. Repeat a run
    that broke off with the same file and options: no task is submitted twice. Chunks of a run are
    known for 24 hours. To submit the same file again on purpose, give another --key.

    \b
    Examples:
      task-manager batch tasks.ndjson
      task-manager batch orders.csv --type order --map product=payload.product --map n:=priority
    """
    given = {name.rstrip("_"): value for name, value in common.items() if value is not None}
    labels = dict(given.pop("label"))
    settings = {**given, "labels": labels} if labels else given
    kind = kind or ("csv" if file.endswith(".csv") else "ndjson")
    if mapping and kind != "csv":
        raise click.UsageError("--map is for CSV.")
    with opened(file) as text, app.client() as client, rejects_file(rejects) as rejected:
        lines = (
            batch_input.read_csv(text, batch_input.read_mapping(mapping), settings)
            if kind == "csv"
            else batch_input.read_ndjson(text, settings)
        )
        printed = print_id if ids else None
        run = BatchRun(client, key, rejected, parallel, printed, size_of(text), chunk)
        outcome = run.execute(lines, text)
    return report(outcome, rejects, as_json=as_json)


@contextmanager
def opened(file: str) -> Iterator[TextIO]:
    """Open the file as UTF-8, or take stdin."""
    if file == "-":
        sys.stdin.reconfigure(encoding="utf-8", newline="")  # type: ignore[union-attr]
        yield sys.stdin
        return
    with Path(file).open(encoding="utf-8-sig", newline="") as text:
        yield text


@contextmanager
def rejects_file(path: str | None) -> Iterator[TextIO | None]:
    """Open the file for invalid tasks. An existing one is not overwritten."""
    if path is None:
        yield None
        return
    try:
        with Path(path).open("x", encoding="utf-8") as file:
            yield file
    except FileExistsError as error:
        raise click.UsageError(f"{path} exists. Name another file, or remove it.") from error


def size_of(text: TextIO) -> int | None:
    """Return the size of a regular file in bytes. None if it is not known."""
    import os
    import stat

    try:
        status = os.fstat(text.fileno())
    except (OSError, ValueError):
        return None
    return status.st_size if stat.S_ISREG(status.st_mode) else None


def print_id(task_id: str) -> None:
    """Print the id of a task."""
    click.echo(task_id)


def report(outcome: Outcome, rejects: str | None, *, as_json: bool) -> int:
    """Say what was submitted, and what to do about the rest. Returns the exit code."""
    if as_json:
        numbers = ("submitted", "replayed", "rejected")
        click.echo(to_json({name: getattr(outcome, name) for name in numbers}))
    say(
        f"Submitted {outcome.submitted:,} tasks in {outcome.seconds:.1f} s "
        f"({outcome.submitted / max(outcome.seconds, 0.001):,.0f} a second)"
        + (f"; {outcome.replayed:,} were there from an earlier run" if outcome.replayed else "")
        + "."
    )
    if outcome.rejected:
        where = (
            f"They are in {rejects}: correct and submit that file."
            if rejects
            else (
                "Nothing of their chunk was submitted. Correct these lines in place and repeat the "
                "command: nothing is submitted twice. Or go on without them: --rejects FILE"
            )
        )
        say(f"{outcome.rejected:,} lines are invalid. {where}")
    if outcome.error is not None:
        say("Repeat the command with the same file to submit the rest; nothing is submitted twice.")
        raise outcome.error
    return ERROR if outcome.rejected else 0
