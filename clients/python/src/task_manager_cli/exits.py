"""Exit codes, and the messages of errors."""

import os
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import click

from task_manager_cli.escaping import escape_controls

if TYPE_CHECKING:
    from task_manager_client.errors import ServiceUnreachable, TaskManagerError

ERROR, USAGE, NOT_FOUND, AUTHENTICATION, UNREACHABLE = 1, 2, 3, 4, 5
TASK_FAILED, TASK_CANCELLED, TIMED_OUT, INTERRUPTED = 10, 11, 124, 130

BY_STATUS = {401: AUTHENTICATION, 403: AUTHENTICATION, 404: NOT_FOUND}
ADVICE = {
    "capacity": "Accepted tasks continue. Delete tasks that are no longer needed "
    "(task-manager delete --status COMPLETED), or ask the operator for more memory.",
    "store_unavailable": "The service cannot use Redis now. Repeat the command in a moment; a "
    "submit with the same --key submits nothing twice.",
    "store_unsafe": "The operator has to change a setting of Redis. The service's log names it.",
    "overloaded": "Many such requests wait. Repeat the command in a moment.",
    "rate_limited": "The limit is that of your key, or of your address where no key is needed.",
    "links_not_used": "The operator has to set TASKS_LINK_SECRET.",
    "keys_not_used": "Without keys, whoever reaches the service needs no link.",
    "too_many_streams": "Close streams that are not needed, or repeat the command in a moment.",
    "version_mismatch": "Read it again (task-manager get ID, task-manager schedules get NAME), "
    "then repeat the change.",
    "task_running": "Add --cancel to stop it first.",
    "task_not_found": "task-manager list shows the tasks.",
    "schedule_not_found": "task-manager schedules shows the schedules.",
    "queue_not_found": "task-manager queues shows the queues.",
    "host_not_allowed": "Use another address in --url or TASKS_URL, or have the operator add this "
    "name to TASKS_HTTP_ALLOWED_HOSTS.",
    "route_not_found": "Is the URL that of the service? task-manager config shows it.",
}
KEY_NEEDED = (
    "The service asks for a key, or for one with more rights. Set TASKS_TOKEN or TASKS_TOKEN_FILE, "
    "or `token` in a profile (task-manager config)."
)


class Stop(Exception):
    """End the command with this exit code. What there is to say has been said."""

    def __init__(self, code: int) -> None:
        super().__init__(code)
        self.code = code


def say(message: str) -> None:
    """Print a message for people on stderr."""
    click.echo(escape_controls(message), err=True)


def exit_code_of(command: Callable[[], Any]) -> int:
    """Run the command and return its exit code, after a message if it failed."""
    stdout = sys.stdout
    try:
        result = command()
        sys.stdout.flush()
        return result if isinstance(result, int) else 0
    except Stop as stop:
        return stop.code
    except click.exceptions.Exit as ended:
        return ended.exit_code
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except (KeyboardInterrupt, click.Abort):
        say("Interrupted.")
        return INTERRUPTED
    except SystemExit as ended:
        if sys.stdout is not stdout:  # click has met a closed pipe, and silenced it
            return 0
        return ended.code if isinstance(ended.code, int) else ERROR
    except BrokenPipeError:  # the reader, such as head, has enough
        discard_output()
        return 0
    except Exception as error:
        return explained(error)


def discard_output() -> None:
    """Discard what is still printed on stdout, whose reader has gone."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def explained(error: Exception) -> int:
    """Say what is wrong and what to do, and return the exit code. Raises other errors again."""
    from task_manager_client.errors import TaskManagerError

    if isinstance(error, TaskManagerError):
        message, code = explanation(error)
    elif isinstance(error, OSError | ValueError):
        message, code = str(error), ERROR
    else:
        raise error
    say(f"Error: {message}")
    return code


def explanation(error: "TaskManagerError") -> tuple[str, int]:
    """Return the message and the exit code."""
    from task_manager_client.errors import (
        Problem,
        ServiceUnreachable,
        UnexpectedResponse,
        WaitTimedOut,
    )

    if isinstance(error, ServiceUnreachable):
        return f"{error}\n{away(error)}", UNREACHABLE
    if isinstance(error, WaitTimedOut):
        return f"{error}\nIt goes on: task-manager wait {error.task.task_id}", TIMED_OUT
    if isinstance(error, UnexpectedResponse):
        if error.status in (401, 403):
            return f"{error}\n{KEY_NEEDED}", AUTHENTICATION
        code = UNREACHABLE if error.status in (502, 503, 504) else ERROR
        return f"{error}\nIs this URL that of the service? task-manager config shows it.", code
    if isinstance(error, Problem):
        code = UNREACHABLE if error.details.code == "store_unavailable" else ERROR
        code = BY_STATUS.get(error.status, code)
        advice = KEY_NEEDED if code == AUTHENTICATION else ADVICE.get(error.details.code, "")
        if error.status >= 500:
            advice = f"{advice} Request id: {error.request_id}".strip()
        return f"{error}\n{advice}".strip(), code
    return str(error), ERROR


def away(error: "ServiceUnreachable") -> str:
    """Return what to do about a service that does not respond."""
    more = "" if not error.sent else "A change may have arrived: look before you repeat it. "
    if error.sent and error.timed_out:
        return (
            f"{more}Repeat the command in a moment, or give it more time: "
            "task-manager --timeout 60 … (10 s otherwise). task-manager doctor looks for the cause."
        )
    return (
        f"{more}Is the service running (make run, task-manager local), and is the URL right? "
        "--url and TASKS_URL set it; task-manager config shows where it comes from."
    )
