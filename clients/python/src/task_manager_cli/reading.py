"""`get`, `wait` and `list`."""

from collections.abc import Iterator
from itertools import islice
from typing import TYPE_CHECKING, Any

import click

from task_manager_cli.app import App, connected
from task_manager_cli.options import filter_options, filters_of, read_ids
from task_manager_cli.outcome import COLUMNS, code_of, print_result
from task_manager_cli.output import (
    output_options,
    print_json,
    print_members,
    print_rows,
    table,
    watch,
)

if TYPE_CHECKING:
    from task_manager_client import Client, Task


@click.command("get")
@click.argument("ids", nargs=-1, required=True, metavar="ID...")
@click.option("--result", is_flag=True, help="Print the result only, as JSON.")
@output_options()
@connected
def get_command(app: App, ids: tuple[str, ...], result: bool, form: str | None) -> int:
    """Show tasks. `-` reads ids from stdin.

    \b
    Examples:
      task-manager get 01a20bb4-9a7e-7242-9285-65a78dec96c7
      task-manager get --result 01a20bb4-9a7e-7242-9285-65a78dec96c7 | jq .
    """
    wanted = read_ids(ids)
    with app.client() as client:
        tasks = (client.get(each) for each in wanted)
        if result:
            final = list(tasks)
            for task in final:
                print_result(task)
            return code_of(final)
        if len(wanted) == 1 and form in (None, "json"):
            task = next(tasks)
            print_json(task.raw) if form else print_members(task.raw)
            return 0
        print_rows(tasks, COLUMNS, form)
    return 0


@click.command("wait")
@click.argument("ids", nargs=-1, required=True, metavar="ID...")
@click.option("--timeout", type=click.FloatRange(0), help="Seconds in all; then exit with 124.")
@output_options()
@connected
def wait_command(app: App, ids: tuple[str, ...], timeout: float | None, form: str | None) -> int:
    """Wait until tasks are final, and show them. `-` reads ids from stdin.

    \b
    Exits with 10 if one failed, with 11 if one was cancelled or expired. Example:
      task-manager wait --timeout 60 01a20bb4-9a7e-7242-9285-65a78dec96c7
    """
    import time

    deadline = None if timeout is None else time.monotonic() + timeout
    final: list[Task] = []

    def ended(client: "Client") -> Iterator["Task"]:
        for each in read_ids(ids):
            left = None if deadline is None else max(0.0, deadline - time.monotonic())
            final.append(client.wait(each, left))
            yield final[-1]

    with app.client() as client:
        print_rows(ended(client), COLUMNS, form)
    return code_of(final)


@click.command("list")
@filter_options
@click.option("--all", "every", is_flag=True, help="All tasks that match, not only the newest 20.")
@click.option("-n", "--limit", type=click.IntRange(1), default=20, help="How many; 20.")
@click.option("--oldest", is_flag=True, help="Oldest first.")
@click.option("--watch", "watched", is_flag=True, help="Show them again every 2 s until Ctrl-C.")
@output_options()
@connected
def list_command(
    app: App,
    every: bool,
    limit: int,
    oldest: bool,
    watched: bool,
    form: str | None,
    **options: Any,
) -> int:
    """List tasks, newest first.

    \b
    Columns: id, status, type, name, queue, submitted, finished, error. Examples:
      task-manager list --status FAILED --since 1h
      task-manager list --label team=billing --all --jsonl > tasks.jsonl
    """
    wanted = filters_of(options)
    sort: Any = "submitted_at" if oldest else "-submitted_at"
    with app.client() as client:

        def found() -> "Iterator[Task]":
            tasks = client.list(sort=sort, full=form in ("json", "jsonl"), **wanted)
            return tasks if every else islice(tasks, limit)

        if watched:
            watch(lambda: table(list(found()), COLUMNS), 2)
        print_rows(found(), COLUMNS, form)
    return 0
