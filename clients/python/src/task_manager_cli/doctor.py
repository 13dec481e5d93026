"""`doctor`."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import click

from task_manager_cli.app import App, connected
from task_manager_cli.escaping import escape_line
from task_manager_cli.exits import ERROR, explanation

if TYPE_CHECKING:
    from task_manager_client import Client

OLD = 60
"""Seconds after which a waiting task is worth a word."""
Finding = tuple[bool, str]
"""Whether it is good, and what was found."""


@click.command("doctor")
@connected
def doctor_command(app: App) -> int:
    """Say what is wrong with the service, and what to do.

    \b
    Exits with 0 if nothing is, with 5 if the service is unreachable. Example:
      task-manager doctor
    """
    from task_manager_client import NO_RETRIES, TaskManagerError

    found = app.configuration()
    show((True, f"URL {found.url.value} ({found.url.source}), key: {found.token.source}"))
    code = 0
    with app.client(retries=NO_RETRIES) as client:
        try:
            for finding in examine(client):
                show(finding)
                code = code if finding[0] else ERROR
        except TaskManagerError as error:
            message, code = explanation(error)
            show((False, message.replace("\n", " ")))
    return code


def show(finding: Finding) -> None:
    """Print a finding."""
    good, text = finding
    click.echo(f"{'ok     ' if good else 'PROBLEM'}  {escape_line(text)}")


def examine(client: "Client") -> Iterator[Finding]:
    """Yield what is found. Raises TaskManagerError if the service does not respond."""
    client.liveness()
    yield True, "The API responds."
    client.readiness()
    yield True, "The API reaches its store."
    workers = client.workers()
    if workers:
        processes = sum(worker.concurrency for worker in workers)
        yield True, f"Workers: {len(workers)}, with {processes} processes."
    else:
        yield False, "No worker is alive, so no task runs. Start one: task-manager worker"
    for queue in client.queues():
        waiting = queue.depth and (queue.oldest_waiting_seconds or 0) > OLD
        if queue.paused:
            yield (
                False,
                f"Queue {queue.name} is paused; {queue.depth:,} tasks wait in it. "
                f"Resume it: task-manager queues resume {queue.name}",
            )
        elif queue.depth and not queue.workers:
            yield (
                False,
                f"No worker serves the queue {queue.name}; {queue.depth:,} tasks wait in it. "
                f"Start one: TASKS_QUEUES={queue.name} task-manager worker",
            )
        elif waiting:
            yield (
                False,
                f"The oldest task of the queue {queue.name} has waited for "
                f"{queue.oldest_waiting_seconds:.0f} s; {queue.depth:,} wait. Add workers.",
            )
        else:
            yield (
                True,
                f"Queue {queue.name}: {queue.depth:,} waiting, {queue.processing:,} running.",
            )
