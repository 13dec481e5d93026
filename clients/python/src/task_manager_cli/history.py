"""`history`."""

from typing import TYPE_CHECKING

import click

from task_manager_cli.app import App, connected
from task_manager_cli.exits import say
from task_manager_cli.output import Column, output_options, print_rows, text_of

if TYPE_CHECKING:
    from task_manager_client.history_models import Actor, HistoryEntry, MemberChange


def who(actor: "Actor | None") -> str:
    """Return who made a change in a few words; empty where that is not known."""
    if actor is None:
        return ""
    named = actor.name or actor.key_id or actor.address
    return f"{actor.kind} {named}" if named else actor.kind


def what(entry: "HistoryEntry") -> str:
    """Return the members that changed, with their values before and after."""
    return ", ".join(map(_change, entry.changes))


def _change(change: "MemberChange") -> str:
    if change.hidden:
        return change.member
    before, after = (text_of(value) or "none" for value in (change.before, change.after))
    return f"{change.member} {before} → {after}"


COLUMNS = [
    Column("VERSION", lambda entry: entry.version),
    Column("TIME", lambda entry: entry.time, whole=True),
    Column("EVENT", lambda entry: entry.event, whole=True),
    Column("ATTEMPT", lambda entry: entry.attempt, wide=True),
    Column("WHO", lambda entry: who(entry.actor)),
    Column("ADDRESS", lambda entry: entry.actor and entry.actor.address, wide=True),
    Column("CHANGES", what),
]


@click.command("history")
@click.argument("task_id", metavar="ID")
@output_options("json", "jsonl")
@connected
def history_command(app: App, task_id: str, form: str | None) -> int:
    """Show what happened to a task, when and by whom, oldest first.

    \b
    Columns: version, time, event, attempt, who, address, changes. Example:
      task-manager history 01a20bb4-9a7e-7242-9285-65a78dec96c7
    """
    with app.client() as client:
        first = client.history_page(task_id, page_size=1)
        print_rows(client.history(task_id), COLUMNS, form)
    if first.unrecorded:
        say(f"{first.unrecorded} more changes of this task are not stored.")
    return 0
