"""Measure readers while clients submit batches: `python -m benchmarks.bulk`."""

import json
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field
from multiprocessing import get_context
from pathlib import Path

import click

from benchmarks.load import Address
from benchmarks.machine import machine_facts
from benchmarks.processes import NotReady, Store, exit_on_signals
from benchmarks.progress import say
from benchmarks.readers import PAUSE_SECONDS, TASK, Readers, call
from benchmarks.subjects import Subject, running_version

TASKS_IN_A_BATCH = 1_000
SLOWLOG_MICROSECONDS = 2_000

HEAD = """\
# Batches, and readers beside them

{facts}
- {processes} processes of the API; a round takes {seconds:g} s

Each client sends batches of {tasks:,} tasks, one after the other, and after a 503 waits for its
`Retry-After`. Beside them are one reader of a task, one of a list of 10 and one stream, each with
{pause:.0f} ms between two requests; the stream is timed from the request that changes its task to
the event. Milliseconds. "Kept" counts refused batches of which a task is stored.

"""
COLUMNS = (
    *("", "clients", "tasks/s", "batch p50", "refused", "kept", "script p50"),
    *("read p50", "p99", "list p50", "p99", "stream p50", "p99", "refused"),
)


@dataclass
class Sent:
    """The responses that the clients of one round got."""

    accepted: dict[str, float] = field(default_factory=dict)
    """Seconds until the response, by the name of the batch."""
    refused: dict[str, str] = field(default_factory=dict)
    """The code of the problem, by the name of the batch."""


@dataclass(frozen=True)
class Round:
    subject: str
    clients: int
    seconds: float
    sent: Sent
    kept: int
    incomplete: int
    script: list[float]
    refused_readers: int
    readers: dict[str, list[float]]

    @property
    def cells(self) -> list[str]:
        codes = Counter(self.sent.refused.values())
        refused = ", ".join(f"{count} {code}" for code, count in codes.items()) or "0"
        rate = len(self.sent.accepted) * TASKS_IN_A_BATCH / self.seconds
        return [
            *(self.subject, str(self.clients), f"{rate:,.0f}"),
            *(_figure(list(self.sent.accepted.values()), 50), refused, str(self.kept)),
            _figure(self.script, 50),
            *(
                _figure(self.readers[kind], percent)
                for kind in self.readers
                for percent in (50, 99)
            ),
            str(self.refused_readers),
        ]


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--clients", default="1,4,8,16,64", show_default=True, help="Clients of each round.")
@click.option(
    "--seconds", type=click.FloatRange(1, 60), default=10, show_default=True, help="One round."
)
@click.option(
    "--against",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="The folder `src` of another version, which takes turns with this one.",
)
@click.option(
    "--write", type=click.Path(dir_okay=False, path_type=Path), help="Save the report there, too."
)
def main(clients: str, seconds: float, against: Path | None, write: Path | None) -> None:
    """Measure reads, lists and a stream beside clients that submit batches of 1,000 tasks.

    Everything runs on 127.0.0.1 with Redis servers of its own. The report goes to standard output,
    the progress to standard error. It takes about two minutes; Ctrl-C stops everything. It fails
    when a refused batch is stored, or an accepted one not as a whole.

    \b
    Example: this version and an older one, two rounds each
      git worktree add ../older <commit>
      python -m benchmarks.bulk --clients 8,16 --against ../older/src
    """
    numbers = [int(number) for number in clients.split(",")]
    if not all(1 <= number <= 256 for number in numbers):
        raise click.BadParameter("1 to 256 clients", param_hint="--clients")
    exit_on_signals()
    sources = {"now": None} if against is None else {"before": against, "now": None}
    try:
        rounds, facts = measured(numbers, seconds, sources)
    except NotReady as error:
        raise click.ClickException(str(error)) from error
    text = HEAD.format(
        facts=facts,
        processes=2,
        seconds=seconds,
        tasks=TASKS_IN_A_BATCH,
        pause=PAUSE_SECONDS * 1000,
    ) + _table(rounds)
    print(text)
    if write:
        write.write_text(text)
    wrong = sum(each.kept + each.incomplete for each in rounds if each.subject == "now")
    if wrong:
        raise click.ClickException(f"{wrong} batches were stored although refused, or in part")


def measured(
    numbers: Sequence[int], seconds: float, sources: dict[str, Path | None]
) -> tuple[list[Round], str]:
    with tempfile.TemporaryDirectory(prefix="bulk-") as name, ExitStack() as stack:
        clients = stack.enter_context(ProcessPoolExecutor(1, mp_context=get_context("spawn")))
        subjects = {
            label: stack.enter_context(running_version(Path(name) / label, source))
            for label, source in sources.items()
        }
        facts = machine_facts(next(iter(subjects.values())).store)
        rounds = [
            one_round(subject, label, number, seconds, clients)
            for number in numbers
            for label, subject in subjects.items()
        ]
    return rounds, facts


def one_round(
    subject: Subject, label: str, clients: int, seconds: float, pool: ProcessPoolExecutor
) -> Round:
    """Let the clients send from another process, so that readers are timed by one that is idle."""
    redis = subject.store.client
    redis.execute_command("FLUSHALL", "SYNC")
    subject.store.wait_for_quiet()
    redis.config_set("slowlog-log-slower-than", SLOWLOG_MICROSECONDS)
    redis.config_set("slowlog-max-len", 10_000)
    redis.slowlog_reset()
    began = time.monotonic()
    with Readers(subject.address) as readers:
        sent = pool.submit(send_batches, subject.address, clients, seconds).result()
        elapsed = time.monotonic() - began
    slow = redis.slowlog_get(10_000)
    script = [one["duration"] / 1e6 for one in slow if one["command"].startswith(b"EVALSHA")]
    kept = sum(stored(subject.store, name) > 0 for name in sent.refused)
    whole = sum(stored(subject.store, name) == TASKS_IN_A_BATCH for name in sent.accepted)
    found = Round(
        subject=label,
        clients=clients,
        seconds=elapsed,
        sent=sent,
        kept=kept,
        incomplete=len(sent.accepted) - whole,
        script=script,
        refused_readers=readers.refused,
        readers=readers.seconds,
    )
    say(f"  {' | '.join(found.cells)}")
    return found


def stored(store: Store, name: str) -> int:
    """Return how many tasks of a batch are stored."""
    number: int = store.client.zcard(f"tm:label:batch={name}")
    return number


def send_batches(address: Address, clients: int, seconds: float) -> Sent:
    """Send batches from this many connections until the time is over."""
    sent, end = Sent(), time.monotonic() + seconds

    def one_client(number: int) -> None:
        for count in range(1_000_000):
            if time.monotonic() >= end:
                return
            _send_batch(address, f"{number}-{count}", sent)

    with ThreadPoolExecutor(clients) as threads:
        for each in [threads.submit(one_client, number) for number in range(clients)]:
            each.result()
    return sent


def _send_batch(address: Address, name: str, sent: Sent) -> None:
    body = json.dumps({"tasks": [TASK | {"labels": {"batch": name}}] * TASKS_IN_A_BATCH})
    began = time.perf_counter()
    status, retry_after, body_of_response = call(address, "POST", "/tasks/batch", body)
    if status == 202:
        sent.accepted[name] = time.perf_counter() - began
    else:
        sent.refused[name] = json.loads(body_of_response).get("code", str(status))
        time.sleep(retry_after)


def _figure(seconds: list[float], percent: int) -> str:
    """Return a percentile in milliseconds."""
    ordered = sorted(seconds)
    return f"{1000 * ordered[(len(ordered) - 1) * percent // 100]:.0f}" if ordered else "-"


def _table(rounds: Sequence[Round]) -> str:
    lines = [
        list(COLUMNS),
        ["---", *["---:"] * (len(COLUMNS) - 1)],
        *(each.cells for each in rounds),
    ]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines) + "\n"


if __name__ == "__main__":
    main(prog_name="python -m benchmarks.bulk")
