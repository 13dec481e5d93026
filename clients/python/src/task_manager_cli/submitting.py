"""`submit`."""

import json
import sys
from pathlib import Path
from typing import Any

import click

from task_manager_cli import options as opts
from task_manager_cli.app import App, connected
from task_manager_cli.exits import say
from task_manager_cli.outcome import code_of, print_result
from task_manager_cli.output import output_options, print_json


@click.command("submit")
@click.argument("type_", metavar="TYPE")
@click.argument("name", required=False)
@click.option("-p", "members", multiple=True, type=opts.Member(), help="key=text or key:=json.")
@click.option("-f", "file", metavar="FILE", help="A file with the payload as JSON; - is stdin.")
@click.option("--queue")
@click.option("--priority", type=click.IntRange(0, 9))
@click.option("--run-at", type=opts.Ago(past=False), help="10m, 2h (from now) or RFC 3339.")
@click.option("--expires-at", type=opts.Ago(past=False), help="When it need not start any more.")
@click.option("--label", multiple=True, type=opts.Label(), help="May be repeated.")
@click.option("--retries", type=click.IntRange(0, 99), help="Further attempts after a failure.")
@click.option("--timeout", type=click.IntRange(1), help="Seconds that one run may take.")
@click.option("--callback-url", help="Called when the task is final.")
@click.option("--key", help="An idempotency key: a repetition submits nothing twice.")
@click.option("--wait", is_flag=True, help="Wait until it is final and print the result.")
@click.option("--wait-timeout", type=click.FloatRange(0), help="Seconds; afterwards exit with 124.")
@click.option("--follow", is_flag=True, help="Print the log meanwhile, then the result.")
@output_options("json", "ids")
@connected
def submit_command(
    app: App,
    type_: str,
    name: str | None,
    members: tuple[tuple[str, Any], ...],
    file: str | None,
    key: str | None,
    wait: bool,
    wait_timeout: float | None,
    follow: bool,
    form: str | None,
    **settings: Any,
) -> int:
    """Submit a task of TYPE. NAME is a label of your choice.

    \b
    -p a.b=text sets a member of an object in the payload.
    Prints the id, or with --wait the result as JSON. Examples:
      task-manager submit greet -p name=Ada -p times:=2 --wait
      task-manager submit http sync -f call.json --queue media --run-at 10m --retries 3
    """
    body = task_body(type_, name, payload_of(file, members), settings)
    with app.client() as client:
        task = client.submit(**body, idempotency_key=key)
        for warning in task.warnings:
            say(f"Warning: {warning.message}")
        if not (wait or follow):
            print_json(task.raw) if form == "json" else click.echo(task.task_id)
            return 0
        say(f"Submitted {task.task_id}")
        if follow:
            from task_manager_cli.following import print_log

            print_log(client, task.task_id)
        final = client.wait(task.task_id, wait_timeout)
    print_json(final.raw) if form == "json" else print_result(final)
    return code_of([final])


def payload_of(file: str | None, members: tuple[tuple[str, Any], ...]) -> dict[str, Any]:
    """Return the payload of -f, with the members of -p. Raises click.UsageError."""
    payload: dict[str, Any] = {}
    if file is not None:
        text = sys.stdin.read() if file == "-" else Path(file).read_text()
        try:
            payload = json.loads(text)
        except (ValueError, RecursionError) as error:
            raise click.UsageError(f"{file} is not JSON: {error}") from error
        if not isinstance(payload, dict):
            raise click.UsageError(f"{file} is not a JSON object")
    return {**payload, **opts.merged(members)}


def task_body(
    type_: str, name: str | None, payload: dict[str, Any], settings: dict[str, Any]
) -> dict[str, Any]:
    """Return the members of the new task. A sleep has its duration beside the payload."""
    body: dict[str, Any] = {"task_name": name or type_, "type": type_}
    if type_ == "sleep" and "duration" in payload:
        body["duration"] = whole(payload.pop("duration"))
    if payload or type_ != "sleep":
        body["payload"] = payload
    labels, retries = dict(settings.pop("label")), settings.pop("retries")
    body |= {name: value for name, value in settings.items() if value is not None}
    if labels:
        body["labels"] = labels
    if retries is not None:
        body["retry"] = {"max_attempts": retries + 1}
    return body


def whole(value: Any) -> Any:
    """Return a number for its text: the duration of a sleep may be given as duration=3."""
    return int(value) if isinstance(value, str) and value.isdecimal() else value
