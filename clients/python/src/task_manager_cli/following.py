"""`logs` and `events`."""

import sys
from typing import TYPE_CHECKING, Any

import click

from task_manager_cli.app import App, connected
from task_manager_cli.escaping import escape_line
from task_manager_cli.exits import say
from task_manager_cli.options import filter_options, filters_of
from task_manager_cli.output import Column, output_options, print_line, print_rows, text_of, to_json

if TYPE_CHECKING:
    from task_manager_client import Client, Event

LINES = [
    Column("TIME", lambda line: line.time),
    Column("ATTEMPT", lambda line: line.attempt),
    Column("MESSAGE", lambda line: line.message),
]


@click.command("logs")
@click.argument("task_id", metavar="ID")
@click.option("-f", "--follow", is_flag=True, help="Print further lines until the task is final.")
@output_options("json", "jsonl")
@connected
def logs_command(app: App, task_id: str, follow: bool, form: str | None) -> int:
    """Show what the runs of a task logged: time, attempt, message.

    \b
    Example:
      task-manager logs -f 01a20bb4-9a7e-7242-9285-65a78dec96c7
    """
    with app.client() as client:
        if follow:
            print_log(client, task_id, form)
        else:
            print_rows(client.log(task_id), LINES, form, id_of="message")
    return 0


def print_log(client: "Client", task_id: str, form: str | None = None) -> None:
    """Print the lines as they come, until the task is final."""
    for event in client.follow(task_id, logs=True):
        if event.line:
            print_line(event.line, LINES, form)


@click.command("events")
@click.argument("task_id", metavar="[ID]", required=False)
@filter_options
@click.option("--after", metavar="EVENT", help="Continue after the event with this id.")
@output_options("jsonl")
@connected
def events_command(
    app: App, task_id: str | None, after: str | None, form: str | None, **options: Any
) -> int:
    """Show changes of tasks as they happen: event id, event, task id, status, name.

    \b
    With an ID it ends when the task is final. Broken connections continue by themselves. Examples:
      task-manager events --queue media
      task-manager events 01a20bb4-9a7e-7242-9285-65a78dec96c7 --jsonl
    """
    wanted = filters_of(options)
    if task_id and wanted:
        raise click.UsageError("Give either an id or filters.")
    with app.client() as client:
        events = (
            client.follow(task_id, last_event_id=after)
            if task_id
            else client.events(last_event_id=after, **wanted)
        )
        for event in events:
            print_event(event, form)
    return 0


def print_event(event: "Event", form: str | None) -> None:
    """Print an event; a gap is also told on stderr."""
    if event.is_gap:
        say("Events are missing here: the service no longer has them. Snapshots follow.")
    if form == "jsonl":
        task = event.task.raw if event.task else None
        skip = {"skip": event.skip.raw} if event.skip else {}
        click.echo(to_json({"id": event.id, "event": event.name, "task": task, **skip}))
    elif event.skip:
        cells = (event.id, event.name, "", event.skip.reason, event.skip.name)
        click.echo("\t".join(escape_line(text_of(cell)) for cell in cells))
    elif event.task:
        cells = (event.id, event.name, event.task.task_id, event.task.status, event.task.task_name)
        click.echo("\t".join(escape_line(text_of(cell)) for cell in cells))
    sys.stdout.flush()
