"""`completion` and `config`."""

import click
from click.shell_completion import get_completion_class

from task_manager_cli.app import App, connected
from task_manager_cli.configuration import EXAMPLE
from task_manager_cli.exits import say
from task_manager_cli.output import print_members

VARIABLE = "_TASK_MANAGER_COMPLETE"
COMPDEF = "#compdef task-manager\n"
"""The first line of the script for zsh, by which a file in fpath is known as a completion."""
COMPINIT = "(( $+functions[compdef] )) || { autoload -Uz compinit && compinit -i }\n"
"""Switches the completion of zsh on, unless it is. -i asks no questions."""


@click.command("completion")
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@click.pass_context
def completion_command(context: click.Context, shell: str) -> int:
    """Print the completion for a shell.

    \b
    Examples, for the start-up file of the shell:
      eval "$(task-manager completion bash)"
      eval "$(task-manager completion zsh)"
      task-manager completion fish | source
    """
    kind = get_completion_class(shell)
    if kind is None:
        raise click.UsageError(f"{shell} is not known")
    script = kind(context.find_root().command, {}, "task-manager", VARIABLE).source()
    click.echo(script.replace(COMPDEF, COMPDEF + COMPINIT) if shell == "zsh" else script)
    return 0


@click.command("config")
@connected
def config_command(app: App) -> int:
    """Show which service is used, and where that is set. It never shows the key.

    \b
    A flag comes first, then TASKS_URL, and TASKS_TOKEN or TASKS_TOKEN_FILE, then the profile
    that --profile names, or `default`. Example:
      task-manager --profile production config
    """
    found = app.configuration()
    print_members(
        {
            "url": found.url.value,
            "url from": found.url.source,
            "key from": found.token.source,
            "file": str(found.file),
            "file exists": "yes" if found.file.is_file() else "no",
        }
    )
    if not found.file.is_file():
        say(f"\nAn example of the file:\n\n{EXAMPLE}")
    return 0
