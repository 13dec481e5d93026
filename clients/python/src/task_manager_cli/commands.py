"""The command group. Each command's module is imported when it is used."""

from importlib import import_module
from typing import Any

import click

from task_manager_cli.app import App

COMMANDS = {
    "submit": ("submitting", "Submit a task."),
    "batch": ("batch", "Submit many tasks from a file of lines."),
    "get": ("reading", "Show tasks."),
    "wait": ("reading", "Wait until tasks are final."),
    "list": ("reading", "List tasks."),
    "logs": ("following", "Show what the runs of a task logged."),
    "history": ("history", "Show who changed a task, when and how."),
    "events": ("following", "Show changes of tasks as they happen."),
    "cancel": ("bulk", "Cancel tasks."),
    "retry": ("bulk", "Queue final tasks again."),
    "delete": ("bulk", "Delete tasks."),
    "edit": ("editing", "Change a task."),
    "duplicate": ("editing", "Submit a copy of a task."),
    "deliveries": ("callbacks", "List delivery attempts of callbacks."),
    "resend": ("callbacks", "Send a callback again."),
    "link": ("sharing", "Make a link to a task that works without a key."),
    "schedules": ("schedules", "Show, declare, preview and run schedules."),
    "queues": ("service", "Show, pause, resume and remove queues."),
    "workers": ("service", "Show living workers."),
    "types": ("service", "Show the types of task, or the schema of one."),
    "stats": ("service", "Show numbers and times of the tasks."),
    "series": ("series", "Show what happened in each minute or hour."),
    "doctor": ("doctor", "Say what is wrong with the service, and what to do."),
    "open": ("service", "Open the dashboard in a browser."),
    "completion": ("shell", "Print the completion for a shell."),
    "config": ("shell", "Show which service is used, and why."),
}
"""The module and the help of each command."""


class Commands(click.Group):
    """A group that knows the help of its commands without importing them."""

    server: dict[str, str]

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(dict.fromkeys([*COMMANDS, *self.server]))

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name in COMMANDS:
            module = import_module(f"task_manager_cli.{COMMANDS[cmd_name][0]}")
            command: click.Command = getattr(module, f"{cmd_name}_command")
            return command
        if cmd_name in self.server:  # main.run has taken it, unless options came before it
            return click.Command(cmd_name, callback=self._misplaced, help=self.server[cmd_name])
        return None

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, text) in COMMANDS.items()])
        if self.server:
            shared = COMMANDS.keys() & self.server
            with formatter.section("Server"):
                formatter.write_dl([each for each in self.server.items() if each[0] not in shared])

    @staticmethod
    def _misplaced() -> None:
        raise click.UsageError("Commands of the server come first, without options before them.")


def group(server: dict[str, str]) -> click.Group:
    """Return the command line. `server` are the server's commands, with what they do."""
    main.server = server
    return main


@click.group(
    cls=Commands,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.option("--url", metavar="URL", help="The service. Otherwise TASKS_URL, or a profile.")
@click.option("--token", help="The key; TASKS_TOKEN is not seen by other users.")
@click.option(
    "--profile", help="A profile of the configuration file; task-manager config shows it."
)
@click.option(
    "--timeout", type=click.FloatRange(min=0.1), default=10.0, help="Seconds for each response."
)
@click.version_option(package_name="task-manager-client")
@click.pass_context
def main(context: click.Context, /, **options: Any) -> None:
    """Submit, watch and change the tasks of a Task Manager API.

    \b
    Tables on a terminal, tab-separated lines in a pipe, and --json, --jsonl or --ids.
    Exit codes: 0 success, 1 error, 2 usage, 3 not found, 4 key needed, 5 unreachable,
    10 the task failed, 11 it was cancelled or expired, 124 the wait timed out, 130 interrupted.
    Examples:
      task-manager submit sleep -p duration:=3 --wait
      task-manager list --status FAILED --since 1h
      task-manager list --status FAILED --ids | task-manager retry -
    """
    context.obj = App(**options)
