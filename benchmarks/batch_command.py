"""Measure `task-manager batch` beside the API: `python -m benchmarks.batch_command`."""

import json
import sys
import tempfile
import time
from functools import partial
from itertools import repeat
from pathlib import Path

import click

from benchmarks.contests import Requests
from benchmarks.findings import Spread
from benchmarks.groups.submit import BATCH, POST_BATCH
from benchmarks.load import LoadFailed
from benchmarks.machine import machine_facts
from benchmarks.page import spread, table
from benchmarks.processes import NotReady, exit_on_signals, running
from benchmarks.progress import say
from benchmarks.stored_tasks import DURATION, NAME, submitted
from benchmarks.subjects import HTTP_WORKERS, Subject, running_version

COMMAND = ("-c", "from task_manager_cli.main import run; run()", "batch", "--json")
LIMIT_SECONDS = 600.0


def command_rate(subject: Subject, lines: int, folder: Path) -> float:
    """Submit a file by the command. Returns the tasks per second, its start included."""
    file, log = folder / "tasks.ndjson", folder / "batch.log"
    line = json.dumps({"task_name": NAME, "duration": DURATION})
    file.write_text(f"{line}\n" * lines)
    before = submitted(subject)
    host, port = subject.address
    environment = {"TASKS_URL": f"http://{host}:{port}"}
    command = [sys.executable, *COMMAND, "--key", str(time.time()), str(file)]
    began = time.monotonic()
    with running(command, environment, log) as process:
        code = process.wait(LIMIT_SECONDS)
    seconds = time.monotonic() - began
    added = submitted(subject) - before
    if code or added != lines:
        raise LoadFailed(f"the command stored {added} of {lines} tasks: {log.read_text()[-500:]}")
    return lines / seconds


def api_rate(subject: Subject, seconds: float) -> float:
    requests = Requests(
        subject=subject,
        requests=partial(repeat, POST_BATCH),
        is_right=lambda body: len(body["tasks"]) == BATCH,
        stored=partial(submitted, subject),
        tasks=BATCH,
        connections=HTTP_WORKERS,
    )
    return requests(seconds).rate


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--lines", type=click.IntRange(1_000), default=100_000, show_default=True)
@click.option("--rounds", type=click.IntRange(1, 10), default=3, show_default=True)
def main(lines: int, rounds: int) -> None:
    """Submit a file of tasks by the command, in turn with batches by plain HTTP.

    \b
    Example: a short run
      python -m benchmarks.batch_command --lines 10000 --rounds 1
    """
    exit_on_signals()
    ours: list[float] = []
    api: list[float] = []
    try:
        with tempfile.TemporaryDirectory(prefix="batch-") as name:
            folder = Path(name)
            with running_version(folder / "ours") as subject:
                facts = machine_facts(subject.store)
                for _ in range(rounds):
                    api.append(api_rate(subject, 5))
                    ours.append(command_rate(subject, lines, folder))
                    say(f"  batches {api[-1]:,.0f}/s, the command {ours[-1]:,.0f}/s")
    except (LoadFailed, NotReady) as error:
        raise click.ClickException(str(error)) from error
    ratio = Spread([one / other for one, other in zip(ours, api, strict=True)])
    rows = [
        ("batches of 1,000 by plain HTTP", f"{spread(Spread(api))} tasks a second"),
        (f"task-manager batch, {lines:,} lines", f"{spread(Spread(ours))} tasks a second"),
        ("ratio, at least 0.8", f"{spread(ratio)} times"),
    ]
    print(f"# task-manager batch\n\n{facts}\n\n{table(('', 'measured'), rows)}")


if __name__ == "__main__":
    main(prog_name="python -m benchmarks.batch_command")
