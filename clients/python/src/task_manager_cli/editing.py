"""`edit` and `duplicate`."""

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import click

from task_manager_cli.app import App, connected, is_terminal
from task_manager_cli.exits import say
from task_manager_cli.options import Member, merged
from task_manager_cli.output import output_options, print_json

if TYPE_CHECKING:
    from task_manager_client import Task

CHANGEABLE = (
    "task_name",
    "duration",
    "payload",
    "queue",
    "priority",
    "run_at",
    "expires_at",
    "timeout",
    "retry",
    "labels",
    "callback_url",
)
COPIED = ("type", *(name for name in CHANGEABLE if name not in ("run_at", "expires_at")))


@click.command("edit")
@click.argument("task_id", metavar="ID")
@click.option("--set", "members", multiple=True, type=Member(), help="key=text or key:=json.")
@output_options("json", "ids")
@connected
def edit_command(
    app: App, task_id: str, members: tuple[tuple[str, Any], ...], form: str | None
) -> int:
    """Change a task: in $EDITOR, or by --set. `:=null` gives a member its default again.

    \b
    If somebody else changes it meanwhile, nothing is written. Example:
      task-manager edit 01a20bb4-9a7e-7242-9285-65a78dec96c7 --set priority:=9 --set labels.team=red
    """
    with app.client() as client:
        task = client.get(task_id)
        before = {name: task.raw[name] for name in CHANGEABLE if name in task.raw}
        changes = merged(members) if members else difference(before, edited(before))
        if not changes:
            say("Nothing was changed.")
            return 0
        changed = client.send(update(task, changes))
    shown(changed, form)
    return 0


@click.command("duplicate")
@click.argument("task_id", metavar="ID")
@click.option("--set", "members", multiple=True, type=Member(), help="key=text or key:=json.")
@click.option("-e", "--edit", "in_editor", is_flag=True, help="Change the copy in $EDITOR first.")
@output_options("json", "ids")
@connected
def duplicate_command(
    app: App,
    task_id: str,
    members: tuple[tuple[str, Any], ...],
    in_editor: bool,
    form: str | None,
) -> int:
    """Submit a copy of a task, which may start at once. Prints the new id.

    \b
    Example:
      task-manager duplicate 01a20bb4-9a7e-7242-9285-65a78dec96c7 --set payload.name=Grace
    """
    with app.client() as client:
        task = client.get(task_id)
        body = {name: task.raw[name] for name in COPIED if name in task.raw}
        body = patched(body, merged(members))
        if in_editor:
            body = edited(body)
        copy = client.submit(**body)
    shown(copy, form)
    return 0


def shown(task: "Task", form: str | None) -> None:
    """Print the task, or its id."""
    print_json(task.raw) if form == "json" else click.echo(task.task_id)


def update(task: "Task", changes: Any) -> Any:
    """Return the call that changes the version of the task that was read."""
    from task_manager_client.operations import update_task

    return update_task(task.task_id, changes, task.etag)


def edited(value: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a person makes of the JSON in an editor. Raises click.UsageError."""
    if not is_terminal():
        raise click.UsageError("Without a terminal, use --set key=text or --set key:=json.")
    text = json.dumps(value, ensure_ascii=False, indent=2) + "\n"
    while True:
        text = click.edit(text, extension=".json", require_save=False) or ""
        try:
            result = json.loads(text)
            if isinstance(result, dict):
                return result
            say("That is not a JSON object.")
        except ValueError as error:
            say(f"That is not JSON: {error}")
        click.confirm("Edit it again?", abort=True, err=True, default=True)


def difference(before: Mapping[str, Any], after: Mapping[str, Any]) -> dict[str, Any]:
    """Return the JSON merge patch (RFC 7396) that makes `after` of `before`."""
    patch: dict[str, Any] = {name: None for name in before if name not in after}
    for name, value in after.items():
        old = before.get(name)
        if isinstance(old, dict) and isinstance(value, dict):
            if inner := difference(old, value):
                patch[name] = inner
        elif name not in before or old != value or type(old) is not type(value):
            patch[name] = value
    return patch


def patched(before: Mapping[str, Any], patch: Mapping[str, Any]) -> dict[str, Any]:
    """Return `before` with the JSON merge patch applied."""
    result = dict(before)
    for name, value in patch.items():
        if value is None:
            result.pop(name, None)
        elif isinstance(value, dict):
            old = result.get(name)
            result[name] = patched(old if isinstance(old, dict) else {}, value)
        else:
            result[name] = value
    return result
