"""The console script `task-manager`: the commands of clients, and those of the server.

Libraries are imported when a command needs them, so that `--help` and completion are quick.
"""

import sys
from collections.abc import Container
from importlib.metadata import EntryPoint, PackageNotFoundError, distribution
from importlib.util import find_spec
from typing import NoReturn

SERVER = "task-manager-api"
GROUP = "task_manager.commands"
SHARED = {"doctor"}
"""Names of commands that the client and the server have. The client's asks the API."""


def run() -> NoReturn:
    """Run the command that the arguments name, and exit with its code."""
    server = server_entry_points()
    commands: dict[str, str] = server["commands"].load() if server else {}
    if len(sys.argv) > 1 and is_for_server(sys.argv[1], commands):
        server["main"].load()(prog_name="task-manager")
    if find_spec("click") is None:
        sys.exit('The command line needs more packages: pip install "task-manager-client[cli]"')
    from task_manager_cli.commands import group
    from task_manager_cli.exits import exit_code_of

    arguments = {"prog_name": "task-manager", "standalone_mode": False}
    sys.exit(exit_code_of(lambda: group(commands)(**arguments)))


def is_for_server(name: str, commands: Container[str]) -> bool:
    """Return whether the server runs the command.

    Client and server both have those in SHARED. With TASKS_URL they look at that service, without
    it at this host.
    """
    if name not in SHARED or name not in commands:
        return name in commands
    from task_manager_cli.configuration import environment

    return not environment().get("TASKS_URL")


def server_entry_points() -> dict[str, EntryPoint]:
    """Return `commands`, the names with what they do, and `main`, which runs them.

    Empty if the server is not installed.
    """
    try:
        found = distribution(SERVER).entry_points.select(group=GROUP)
    except PackageNotFoundError:
        return {}
    return {each.name: each for each in found}
