"""Count the commands that a service sends to Redis for one submit.

Counted with MONITOR, which shows each command with its sender: what a script runs has the sender
`lua` and is counted apart. INFO's total_commands_processed and commandstats would mix both.
"""

import socket
from collections import Counter
from dataclasses import dataclass
from itertools import repeat, takewhile

import redis

from benchmarks.connections import any_connections
from benchmarks.load import ClosedLoop
from benchmarks.scenarios import POST_TASK
from benchmarks.subjects import Redis, Subject

SUBMITS = 200
TIME_LIMIT_SECONDS = 60.0
END = "END-OF-BENCHMARK"


@dataclass(frozen=True)
class SubmitCommands:
    """The commands of 200 submits, sent one after the other."""

    sent: Counter[str]
    """Commands that the service sent."""
    in_scripts: Counter[str]
    """Commands that Redis ran for a script."""

    @property
    def per_submit(self) -> float:
        return self.sent.total() / SUBMITS

    def __str__(self) -> str:
        inner = f"; inside of it {listed(self.in_scripts)}" if self.in_scripts else ""
        return f"{listed(self.sent)}{inner}"


def commands_of_submits(subject: Subject) -> SubmitCommands:
    """Count in the steady state: earlier submits have loaded scripts and opened connections."""
    end = redis.Redis.from_url(subject.url)
    end.ping()
    counts = SubmitCommands(Counter(), Counter())
    watcher: Redis = redis.Redis.from_url(subject.url)
    with any_connections(subject.address, 1) as connections:
        submit(connections)
        with watcher.monitor() as monitor:
            submit(connections)
            end.echo(END)
            for seen in takewhile(lambda seen: END not in seen["command"], monitor.listen()):
                count_command(counts, seen)
    end.close()
    watcher.close()
    return counts


def submit(connections: list[socket.socket]) -> None:
    ClosedLoop(connections, repeat(POST_TASK, SUBMITS)).run(seconds=TIME_LIMIT_SECONDS)


def count_command(counts: SubmitCommands, seen: dict[str, str]) -> None:
    word = seen["command"].split(" ", 1)[0].upper()
    (counts.in_scripts if seen["client_type"] == "lua" else counts.sent)[word] += 1


def listed(counts: Counter[str]) -> str:
    """Return the commands per submit."""
    return ", ".join(f"{number / SUBMITS:g} {word}" for word, number in counts.most_common())
