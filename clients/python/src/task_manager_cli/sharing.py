"""`link`."""

import re
from typing import Any

import click

from task_manager_cli.app import App, connected
from task_manager_cli.exits import say
from task_manager_cli.options import UNITS
from task_manager_cli.output import output_options, print_json, text_of

MAX_SECONDS = 30 * UNITS["d"]


class Span(click.ParamType[int]):
    """A span of time, such as 30m, 2h or 7d, in seconds."""

    name = "span"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        if isinstance(value, int):
            return value
        match = re.fullmatch(r"([0-9]{1,9})([smhdw])", value)
        seconds = int(match[1]) * UNITS[match[2]] if match else 0
        if not 1 <= seconds <= MAX_SECONDS:
            self.fail(f"{value!r} is not 1s to 30d: write 30m, 2h or 7d", param, ctx)
        return seconds


@click.command("link")
@click.argument("task_id", metavar="ID")
@click.option("--for", "seconds", type=Span(), help="How long it works: 30m, 2h, 7d; 1d.")
@click.option("--cancel", is_flag=True, help="Let whoever has it cancel the task, too.")
@click.option("--api", is_flag=True, help="Print the URL of the API, for programs.")
@output_options("json")
@connected
def link_command(
    app: App, task_id: str, seconds: int | None, cancel: bool, api: bool, form: str | None
) -> int:
    """Make a link to a task, its events and its log that works without a key.

    The link cannot be taken back by itself. It ends when its time is over, or when the key that
    made it is rotated or revoked.

    \b
    Examples:
      task-manager link --for 2h 01a20bb4-9a7e-7242-9285-65a78dec96c7
      curl -s "$(task-manager link --api 01a20bb4-9a7e-7242-9285-65a78dec96c7)"
    """
    with app.client() as client:
        link = client.share(task_id, expires_in=seconds, cancel=cancel)
        url = client.url + (link.urls.task if api else link.urls.page)
    if form:
        print_json(link.raw)
    else:
        click.echo(url)
    end = text_of(link.expires_at, for_people=True)
    say(f"It works without a key until {end}. Whoever has it may {' and '.join(link.actions)}.")
    return 0
