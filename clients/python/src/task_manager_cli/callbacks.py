"""`deliveries` and `resend`."""

from itertools import islice
from typing import Any

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


OUTCOMES = ["delivered", "to_be_retried", "given_up"]
OF_ALL = [
    Column("TASK", lambda each: each.task_id, whole=True),
    *COLUMNS,
    Column("HOST", lambda each: each.host),
]


@click.command("deliveries")
@click.argument("task_id", metavar="[ID]", required=False)
@click.option("--outcome", multiple=True, type=click.Choice(OUTCOMES), help="May be repeated.")
@click.option("--all", "every", is_flag=True, help="All attempts, not only the newest 20.")
@output_options("json", "jsonl")
@connected
def deliveries_command(
    app: App, task_id: str | None, outcome: tuple[Any, ...], every: bool, form: str | None
) -> int:
    """List the delivery attempts of a task's callbacks, or of those of all tasks, newest first.

    \b
    Columns: number, time, event, outcome, status, error, next try. Without an ID, the task's id
    comes first and the host last. Examples:
      task-manager deliveries 01a20bb4-9a7e-7242-9285-65a78dec96c7
      task-manager deliveries --outcome given_up
    """
    with app.client() as client:
        if task_id is None:
            found = client.all_deliveries(outcome=outcome)
            print_rows(found if every else islice(found, 20), OF_ALL, form)
            return 0
        listed = client.deliveries(task_id)
        print_rows(
            [each for each in listed if not outcome or each.outcome in outcome], COLUMNS, form
        )
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
