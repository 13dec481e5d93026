"""`schedules`."""

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from task_manager_cli.app import App, connected
from task_manager_cli.editing import difference, edited
from task_manager_cli.exits import say
from task_manager_cli.options import Member, merged
from task_manager_cli.output import Column, output_options, print_json, text_of
from task_manager_cli.service import show, watch_option

if TYPE_CHECKING:
    from task_manager_client.schedule_models import Schedule

COLUMNS = [
    Column("NAME", lambda schedule: schedule.name),
    Column("TIMES", lambda schedule: times_of(schedule)),
    Column("NEXT", lambda schedule: next(iter(schedule.next_runs), None), whole=True),
    Column("LAST TASK", lambda schedule: schedule.last_run and schedule.last_run.task_id),
    Column("STATUS", lambda schedule: schedule.last_run and schedule.last_run.status, whole=True),
    Column("MADE", lambda schedule: schedule.made),
    Column("SKIPPED", lambda schedule: schedule.skipped),
    Column("PAUSED", lambda schedule: schedule.paused),
]
SETTABLE = (
    *("cron", "every", "timezone", "task", "overlap", "catch_up"),
    *("jitter", "starts_at", "ends_at", "paused"),
)


def times_of(schedule: "Schedule") -> str:
    """Return the cron expression with its zone, or the distance."""
    if schedule.cron is None:
        return f"every {schedule.every} s"
    return schedule.cron if schedule.timezone == "UTC" else f"{schedule.cron} {schedule.timezone}"


@click.group("schedules", invoke_without_command=True)
@watch_option
@output_options()
@click.pass_context
def schedules_command(context: click.Context, watched: bool, form: str | None) -> int:
    """Show schedules; or declare, change, preview, run, pause, resume and delete them.

    \b
    Columns: name, times, next slot, last task and its status, tasks made, slots skipped, paused.
    Examples:
      task-manager schedules --watch
      task-manager schedules put nightly -f nightly.json
      task-manager schedules edit nightly --set overlap=queue
    """
    if context.invoked_subcommand:
        return 0
    app: App = context.find_root().obj
    with app.client() as client:
        return show(client.schedules, COLUMNS, form, "name", watched=watched)


@schedules_command.command("get")
@click.argument("name")
@connected
def get(app: App, name: str) -> int:
    """Show a schedule as JSON, with its next five slots."""
    with app.client() as client:
        print_json(client.schedule(name).raw)
    return 0


@schedules_command.command("put")
@click.argument("name")
@click.option("-f", "file", metavar="FILE", help="A file with the schedule as JSON; - is stdin.")
@click.option("--set", "members", multiple=True, type=Member(), help="key=text or key:=json.")
@click.option("--only-new", is_flag=True, help="Fail if there is one of this name.")
@connected
def put(
    app: App,
    name: str,
    file: str | None,
    members: tuple[tuple[str, Any], ...],
    only_new: bool,
) -> int:
    """Create a schedule or replace it. One that is the same stays as it is.

    \b
    Examples:
      task-manager schedules put nightly -f nightly.json
      task-manager schedules put poll --set every:=30 --set task.task_name=poll \\
        --set task.type=http --set task.payload.url=https://example.com/
    """
    from task_manager_client.schedule_operations import put_schedule

    body: Any = {**read(file), **merged(members)}
    with app.client() as client:
        told(client.send(put_schedule(name, body, only_new=only_new)))
    return 0


@schedules_command.command("edit")
@click.argument("name")
@click.option("--set", "members", multiple=True, type=Member(), help="key=text or key:=json.")
@connected
def edit(app: App, name: str, members: tuple[tuple[str, Any], ...]) -> int:
    """Change a schedule: in $EDITOR, or by --set. `:=null` gives a member its default again.

    If somebody else changes it meanwhile, nothing is written.
    """
    from task_manager_client.schedule_operations import update_schedule

    with app.client() as client:
        schedule = client.schedule(name)
        before = {key: schedule.raw[key] for key in SETTABLE if key in schedule.raw}
        changes: Any = merged(members) if members else difference(before, edited(before))
        if not changes:
            say("Nothing was changed.")
            return 0
        told(client.send(update_schedule(name, changes, schedule.etag)))
    return 0


@schedules_command.command("preview")
@click.argument("cron", required=False)
@click.option("--timezone", help="IANA name, such as Europe/Berlin; UTC without it.")
@click.option("--every", type=click.IntRange(1), help="Seconds, instead of a cron expression.")
@connected
def preview(app: App, cron: str | None, timezone: str | None, every: int | None) -> int:
    """Print the next ten times of a cron expression or a distance. Nothing is stored.

    \b
    Example:
      task-manager schedules preview '30 2 * * 1-5' --timezone Europe/Berlin
    """
    given = {"cron": cron, "timezone": timezone, "every": every}
    times: Any = {name: value for name, value in given.items() if value is not None}
    with app.client() as client:
        for time in client.preview_schedule(**times):
            click.echo(text_of(time))
    return 0


@schedules_command.command("run")
@click.argument("name")
@click.option("--key", help="An idempotency key: a repetition submits nothing twice.")
@connected
def run(app: App, name: str, key: str | None) -> int:
    """Submit the task of a schedule now. Prints its id."""
    with app.client() as client:
        click.echo(client.run_schedule(name, idempotency_key=key).task_id)
    return 0


@schedules_command.command("pause")
@click.argument("name")
@connected
def pause(app: App, name: str) -> int:
    """Pause a schedule: it has no slots until it is resumed."""
    with app.client() as client:
        told(client.pause_schedule(name))
    return 0


@schedules_command.command("resume")
@click.argument("name")
@connected
def resume(app: App, name: str) -> int:
    """Resume a paused schedule. Slots of the pause are not made up."""
    with app.client() as client:
        told(client.resume_schedule(name))
    return 0


@schedules_command.command("delete")
@click.argument("name")
@connected
def delete(app: App, name: str) -> int:
    """Delete a schedule. The tasks that it has made stay."""
    with app.client() as client:
        client.delete_schedule(name)
    say(f"The schedule {name} is deleted.")
    return 0


def read(file: str | None) -> dict[str, Any]:
    """Return the JSON object of -f. Raises click.UsageError."""
    if file is None:
        return {}
    text = sys.stdin.read() if file == "-" else Path(file).read_text()
    try:
        body = json.loads(text)
    except ValueError as error:
        raise click.UsageError(f"{file} is not JSON: {error}") from error
    if not isinstance(body, dict):
        raise click.UsageError(f"{file} is not a JSON object")
    return body


def told(schedule: "Schedule") -> None:
    """Say when the schedule submits its task next."""
    if schedule.next_runs:
        then = f"submits its task next at {text_of(schedule.next_runs[0])}"
    else:
        then = "is paused" if schedule.paused else "has no further slot"
    say(f"The schedule {schedule.name} {then}.")
