"""`cancel`, `retry` and `delete`, for ids or for all tasks that match filters."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import click

from task_manager_cli.app import App, connected, is_terminal
from task_manager_cli.exits import ERROR, say
from task_manager_cli.options import filter_options, filters_of, read_ids
from task_manager_cli.output import to_json

if TYPE_CHECKING:
    from task_manager_client import Client

MAX_IDS = 10_000
"""Ids of one call of the API."""
DONE = {"cancel": "Cancelled", "retry": "Queued again", "delete": "Deleted"}
STATUSES = {
    "cancel": ["SCHEDULED", "QUEUED", "PROCESSING"],
    "retry": ["FAILED", "EXPIRED"],
    "delete": [],
}
"""Statuses that a filter without --status means."""


def bulk_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the arguments and options of all three commands."""
    options: list[Callable[..., Any]] = [
        click.argument("ids", nargs=-1, metavar="[ID]..."),
        filter_options,
        click.option("--all", "every", is_flag=True, help="All tasks, without another filter."),
        click.option("--dry-run", is_flag=True, help="Only print how many tasks would change."),
        click.option("-y", "--yes", is_flag=True, help="Do not ask."),
        click.option("--json", "as_json", is_flag=True, help="Print the numbers as JSON."),
    ]
    for option in reversed(options):
        command = option(command)
    return command


@click.command("cancel")
@bulk_options
@connected
def cancel_command(app: App, **options: Any) -> int:
    """Cancel tasks, by ids (`-` reads them from stdin) or by filters.

    \b
    Filters mean waiting and running tasks, unless --status is given. Examples:
      task-manager cancel 01a20bb4-9a7e-7242-9285-65a78dec96c7
      task-manager cancel --queue media --dry-run
    """
    return act(app, "cancel", lambda client, each: client.cancel(each), options)


@click.command("retry")
@bulk_options
@connected
def retry_command(app: App, **options: Any) -> int:
    """Queue final tasks again, by ids (`-` reads them from stdin) or by filters.

    \b
    Filters mean FAILED and EXPIRED tasks, unless --status is given. Examples:
      task-manager retry --type greet --since 1h --yes
      task-manager list --status FAILED --ids | task-manager retry -
    """
    return act(app, "retry", lambda client, each: client.retry(each), options)


@click.command("delete")
@bulk_options
@click.option("--cancel", is_flag=True, help="Stop and delete running tasks, too; with ids only.")
@connected
def delete_command(app: App, cancel: bool, **options: Any) -> int:
    """Delete tasks, by ids (`-` reads them from stdin) or by filters.

    \b
    Filters leave running tasks alone. Examples:
      task-manager delete 01a20bb4-9a7e-7242-9285-65a78dec96c7
      task-manager delete --status COMPLETED --until 7d --yes
    """
    if cancel and not options["ids"]:
        raise click.UsageError("--cancel needs ids.")
    return act(
        app,
        "delete",
        lambda client, each: client.delete(each, cancel=cancel),
        options,
        single=cancel,
    )


def act(
    app: App,
    action: Any,
    one: "Callable[[Client, str], object]",
    options: dict[str, Any],
    *,
    single: bool = False,
) -> int:
    """Act on the ids or on what matches the filters. Returns the exit code."""
    ids, every = options.pop("ids"), options.pop("every")
    dry_run, yes, as_json = (options.pop(name) for name in ("dry_run", "yes", "as_json"))
    wanted = filters_of(options)
    if sum(map(bool, (ids, wanted, every))) != 1:
        raise click.UsageError("Give ids, filters, or --all.")
    with app.client() as client:
        if not ids:
            return by_filter(client, action, wanted, dry_run=dry_run, yes=yes, as_json=as_json)
        named = read_ids(ids)
        if not dry_run and (len(named) == 1 or single):
            for each in named:
                one(client, each)
            return report(action, len(named), len(named), as_json=as_json)
        return by_ids(client, action, named, dry_run=dry_run, as_json=as_json)


def by_ids(client: "Client", action: Any, ids: list[str], *, dry_run: bool, as_json: bool) -> int:
    """Act on ids. Exits with 1 if some could not be changed."""
    done = 0
    for start in range(0, len(ids), MAX_IDS):
        result = client.act(action, ids=ids[start : start + MAX_IDS], dry_run=dry_run)
        done += result.would_be_done or 0 if dry_run else result.done
    if dry_run:
        return report_dry_run(done, len(ids), as_json=as_json)
    report(action, done, len(ids), as_json=as_json)
    if done < len(ids):
        say("The others do not exist, or their status does not allow it.")
        return ERROR
    return 0


def by_filter(
    client: "Client", action: Any, wanted: Any, *, dry_run: bool, yes: bool, as_json: bool
) -> int:
    """Act on all tasks that match, after a question unless `yes`."""
    if STATUSES[action]:
        wanted = {"status": STATUSES[action], **wanted}
    if dry_run or not yes:
        count = client.act(action, wanted=wanted, dry_run=True)
        number, more = count.would_be_done or 0, count.remaining
        if dry_run:
            return report_dry_run(number, number + more, as_json=as_json)
        if number + more == 0:
            return report(action, 0, 0, as_json=as_json)
        ask(action, number, more)
    matched = done = 0
    while True:
        result = client.act(action, wanted=wanted)
        matched, done = matched + result.matched, done + result.done
        if result.remaining == 0:
            return report(action, done, matched, as_json=as_json)
        if result.done == 0:
            say(f"At least {result.remaining:,} more tasks match, but none can be changed now.")
            report(action, done, matched, as_json=as_json)
            return ERROR
        say(f"{done:,} done, at least {result.remaining:,} to go …")


def ask(action: str, number: int, more: int) -> None:
    """Ask on a terminal. Raises click.UsageError without one, click.Abort for a no."""
    about = f"{number + more:,} or more" if more else f"{number:,}"
    if not is_terminal():
        raise click.UsageError(
            f"{action.capitalize()} {about} tasks? Add --yes; nobody can answer."
        )
    click.confirm(f"{action.capitalize()} {about} tasks?", abort=True, err=True)


def report(action: str, done: int, matched: int, *, as_json: bool) -> int:
    """Say what was done."""
    if as_json:
        click.echo(to_json({"matched": matched, "done": done}))
    else:
        say(f"{DONE[action]}: {done:,} of {matched:,} tasks.")
    return 0


def report_dry_run(number: int, matched: int, *, as_json: bool) -> int:
    """Print how many tasks would change."""
    click.echo(to_json({"matched": matched, "would_be_done": number}) if as_json else number)
    return 0
