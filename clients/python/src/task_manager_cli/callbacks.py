"""`deliveries` and `resend`."""

import click

from task_manager_cli.app import App, connected
from task_manager_cli.exits import NOT_FOUND, say
from task_manager_cli.output import Column, output_options, print_rows

COLUMNS = [
    Column("NUMBER", lambda each: each.number),
    Column("TIME", lambda each: each.time),
    Column("EVENT", lambda each: each.event),
    Column("OUTCOME", lambda each: each.outcome),
    Column("STATUS", lambda each: each.status),
    Column("ERROR", lambda each: each.error),
    Column("NEXT TRY", lambda each: each.next_try),
]


@click.command("deliveries")
@click.argument("task_id", metavar="ID")
@output_options()
@connected
def deliveries_command(app: App, task_id: str, form: str | None) -> int:
    """List the delivery attempts of a task's callbacks.

    \b
    Columns: number, time, event, outcome, status, error, next try. --ids prints numbers. Example:
      task-manager deliveries 01a20bb4-9a7e-7242-9285-65a78dec96c7
    """
    with app.client() as client:
        print_rows(client.deliveries(task_id), COLUMNS, form, id_of="number")
    return 0


@click.command("resend")
@click.argument("task_id", metavar="ID")
@click.argument("number", type=click.IntRange(1), required=False)
@connected
def resend_command(app: App, task_id: str, number: int | None) -> int:
    """Send the callback of a delivery attempt again; without NUMBER, that of the last one.

    \b
    Example:
      task-manager resend 01a20bb4-9a7e-7242-9285-65a78dec96c7 1
    """
    with app.client() as client:
        if number is None:
            numbers = [each.number for each in client.deliveries(task_id)]
            if not numbers:
                say("The task has no delivery attempts: it has no callback_url, or is not final.")
                return NOT_FOUND
            number = max(numbers)
        client.resend(task_id, number)
    say(f"The callback of attempt {number} is sent again: task-manager deliveries {task_id}")
    return 0
