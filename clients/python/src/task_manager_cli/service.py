"""`queues`, `workers`, `types`, `stats` and `open`."""

from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any

import click

from task_manager_cli.app import App, connected, is_terminal
from task_manager_cli.exits import NOT_FOUND, say
from task_manager_cli.output import (
    Column,
    output_options,
    print_json,
    print_members,
    print_rows,
    table,
    watch,
)

if TYPE_CHECKING:
    from task_manager_client.service_models import Queue, Statistics

QUEUES = [
    Column("NAME", lambda queue: queue.name),
    Column("WAITING", lambda queue: queue.depth),
    Column("FOR I/O", lambda queue: queue.io_depth),
    Column("RUNNING", lambda queue: queue.processing),
    Column("SCHEDULED", lambda queue: queue.scheduled),
    Column("OLDEST", lambda queue: queue.oldest_waiting_seconds),
    Column("WORKERS", lambda queue: queue.workers),
    Column("PAUSED", lambda queue: queue.paused),
]
WORKERS = [
    Column("NAME", lambda worker: worker.name),
    Column("HOST", lambda worker: worker.host),
    Column("PID", lambda worker: worker.pid),
    Column("QUEUES", lambda worker: ",".join(worker.queues)),
    Column("PROCESSES", lambda worker: worker.concurrency),
    Column("I/O SLOTS", lambda worker: worker.io_concurrency),
    Column("RUNNING", lambda worker: len(worker.running)),
    Column("LAST HEARTBEAT", lambda worker: worker.last_heartbeat),
]
TYPES = [
    Column("TYPE", lambda kind: kind.type),
    Column("POOL", lambda kind: kind.pool),
    Column("DESCRIPTION", lambda kind: kind.description.partition("\n")[0]),
]
watch_option = click.option(
    "--watch", "watched", is_flag=True, help="Show it again every 2 s until Ctrl-C."
)


def show(
    read: Callable[[], Iterable[Any]],
    columns: Sequence[Column],
    form: str | None,
    id_of: str,
    *,
    watched: bool,
) -> int:
    """Print rows once, or again and again."""
    if watched:
        watch(lambda: table(list(read()), columns), 2)
    print_rows(read(), columns, form, id_of=id_of)
    return 0


@click.group("queues", invoke_without_command=True)
@watch_option
@output_options()
@click.pass_context
def queues_command(context: click.Context, watched: bool, form: str | None) -> int:
    """Show queues; or pause, resume and remove them.

    \b
    Columns: name, waiting, those of them for I/O pools, running, scheduled, seconds of the oldest,
    workers, paused. Examples:
      task-manager queues --watch
      task-manager queues pause media
    """
    if context.invoked_subcommand:
        return 0
    app: App = context.find_root().obj
    with app.client() as client:
        return show(client.queues, QUEUES, form, "name", watched=watched)


@queues_command.command("pause")
@click.argument("queue")
@connected
def pause(app: App, queue: str) -> int:
    """Let a queue start no further task. It still accepts tasks."""
    with app.client() as client:
        return told(client.pause_queue(queue))


@queues_command.command("resume")
@click.argument("queue")
@connected
def resume(app: App, queue: str) -> int:
    """Let a paused queue start tasks again."""
    with app.client() as client:
        return told(client.resume_queue(queue))


@queues_command.command("scaling")
@click.argument("queue")
@click.option(
    "--drain",
    type=click.IntRange(1, 86_400),
    metavar="SECONDS",
    help="The time within which the waiting tasks are to start, about; 30.",
)
@output_options("json")
@connected
def scaling(app: App, queue: str, drain: int | None, form: str | None) -> int:
    """Show how many places a queue needs. A place runs one task at a time.

    \b
    Shows the desired places, the waiting tasks, the seconds of the oldest, and the workers that
    run nothing. Example:
      task-manager queues scaling media --drain 300
    """
    with app.client() as client:
        needed = client.scaling(queue, drain_seconds=drain)
    print_json(needed.raw) if form else print_members(needed.raw)
    return 0


@queues_command.command("remove")
@click.argument("queue")
@connected
def remove(app: App, queue: str) -> int:
    """Remove a queue without tasks and workers from the list."""
    with app.client() as client:
        client.remove_queue(queue)
    say(f"The queue {queue} is removed.")
    return 0


def told(queue: "Queue") -> int:
    """Say what the queue does now."""
    state = "paused" if queue.paused else "not paused"
    say(f"The queue {queue.name} is {state}; {queue.depth:,} tasks wait in it.")
    return 0


@click.command("workers")
@watch_option
@output_options()
@connected
def workers_command(app: App, watched: bool, form: str | None) -> int:
    """Show living workers.

    \b
    Columns: name, host, pid, queues, processes, I/O slots, running tasks, last heartbeat. Example:
      task-manager workers --watch
    """
    with app.client() as client:
        return show(client.workers, WORKERS, form, "name", watched=watched)


@click.command("types")
@click.argument("name", metavar="[TYPE]", required=False)
@output_options()
@connected
def types_command(app: App, name: str | None, form: str | None) -> int:
    """Show the types of task that the service knows, or the JSON Schema of one payload.

    \b
    Example:
      task-manager types http
    """
    with app.client() as client:
        types = client.types()
    if name is None:
        return show(lambda: types, TYPES, form, "type", watched=False)
    for kind in types:
        if kind.type == name:
            print_json(kind.raw if form else kind.payload_schema)
            return 0
    say(f"The service has no type {name!r}. It has: {', '.join(kind.type for kind in types)}")
    return NOT_FOUND


@click.command("stats")
@watch_option
@output_options("json")
@connected
def stats_command(app: App, watched: bool, form: str | None) -> int:
    """Show numbers and times of the tasks.

    \b
    Example:
      task-manager stats --json | jq .by_status
    """
    with app.client() as client:
        if watched:
            watch(lambda: lines(summary(client.stats())), 2)
        stats = client.stats()
    print_json(stats.raw) if form else print_members(summary(stats))
    return 0


def summary(stats: "Statistics") -> dict[str, Any]:
    """Return the most important numbers."""
    hour = stats.last_hour
    numbers: dict[str, Any] = {"total": stats.total, **stats.by_status}
    for name in ("submitted", "completed", "failed"):
        numbers[f"{name} in the last hour"] = sum(getattr(each, name) for each in hour)
    for name, times in (("wait", stats.wait_seconds), ("run", stats.run_seconds)):
        for percentile in ("p50", "p95", "p99"):
            numbers[f"{name} {percentile} (s)"] = getattr(times, percentile)
    return numbers


def lines(numbers: dict[str, Any]) -> Any:
    """Return the numbers as a table of rich."""
    columns = [Column("", lambda each: each[0]), Column("", lambda each: each[1])]
    return table([each for each in numbers.items() if each[1] is not None], columns)


@click.command("open")
@click.argument("task_id", metavar="[ID]", required=False)
@connected
def open_command(app: App, task_id: str | None) -> int:
    """Open the dashboard, or a task in it, and print the URL. Without a terminal, only print it.

    \b
    Example:
      task-manager open
    """
    from urllib.parse import quote

    url = str(app.configuration().url.value).rstrip("/") + "/"
    if task_id:
        url += f"#/tasks/{quote(task_id, safe='')}"
    click.echo(url)
    if is_terminal():
        click.launch(url)
    return 0
