"""Columns, results and exit codes of tasks."""

from collections.abc import Iterable
from typing import TYPE_CHECKING

import click

from task_manager_cli.exits import TASK_CANCELLED, TASK_FAILED, say
from task_manager_cli.output import Column, print_json

if TYPE_CHECKING:
    from task_manager_client import Task

COLUMNS = [
    Column("ID", lambda task: task.task_id, whole=True),
    Column("STATUS", lambda task: task.status, whole=True),
    Column("TYPE", lambda task: task.type),
    Column("NAME", lambda task: task.task_name),
    Column("QUEUE", lambda task: task.queue, wide=True),
    Column("SUBMITTED", lambda task: task.submitted_at, whole=True),
    Column("FINISHED", lambda task: task.finished_at, whole=True, wide=True),
    Column("ERROR", lambda task: task.error.message if task.error else None),
]


def code_of(tasks: Iterable["Task"]) -> int:
    """Return 10 if a task failed, 11 if one was cancelled or expired, otherwise 0."""
    statuses = {task.status for task in tasks}
    if "FAILED" in statuses:
        return TASK_FAILED
    return TASK_CANCELLED if statuses & {"CANCELLED", "EXPIRED"} else 0


def print_result(task: "Task") -> None:
    """Print the result on stdout, or on stderr why there is none."""
    if task.status == "COMPLETED":
        print_json(task.raw.get("result"))
        return
    reason = f": {task.error.message}" if task.error else ""
    say(f"Task {task.task_id} is {task.status}{reason}")
    if task.status == "FAILED":
        click.echo(f"task-manager logs {task.task_id} shows its log.", err=True)
