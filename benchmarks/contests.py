"""Let subjects take turns at one operation, and measure each turn."""

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from benchmarks.connections import even_connections
from benchmarks.findings import Contest, Sample
from benchmarks.load import ClosedLoop, LoadFailed
from benchmarks.progress import say
from benchmarks.subjects import Subject

WARM_UP_SECONDS = 1.0
CONNECTIONS = 16


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One subject of a contest."""

    name: str
    measure: Callable[[float], Sample]
    """Take the seconds of a round."""
    warm_up: bool = True
    note: str = ""


def contest(
    title: str,
    entries: Sequence[Entry],
    *,
    base: str,
    rounds: int,
    seconds: float,
    operation: str = "request",
) -> Contest:
    """Measure the entries in turns, each second round backwards. Raises LoadFailed and NotReady."""
    samples: dict[str, list[Sample]] = {entry.name: [] for entry in entries}
    for entry in entries:
        if entry.warm_up:
            entry.measure(min(WARM_UP_SECONDS, seconds))
    for number in range(1, rounds + 1):
        for entry in entries if number % 2 else reversed(entries):
            samples[entry.name].append(entry.measure(seconds))
        rates = ", ".join(f"{name} {each[-1].rate:,.0f}/s" for name, each in samples.items())
        say(f"  {title}, round {number} of {rounds}: {rates}")
    return Contest(
        title=title,
        operation=operation,
        base=base,
        rounds=samples,
        notes={entry.name: entry.note for entry in entries if entry.note},
    )


@dataclass(frozen=True, kw_only=True)
class Requests:
    """Requests to one service over keep-alive connections, and what a right answer is."""

    subject: Subject
    requests: Callable[[], Iterator[bytes]]
    is_right: Callable[[Any], bool]
    """Take the JSON of a response; look at the last response of each connection."""
    stored: Callable[[], int] | None = None
    """Return the tasks that are stored: each response must have added `tasks` of them."""
    tasks: int = 1
    """Operations per request: the tasks of a batch."""
    connections: int = CONNECTIONS

    def __call__(self, seconds: float) -> Sample:
        """Measure one round. Raises LoadFailed if a response is an error or wrong."""
        subject = self.subject
        subject.store.wait_for_quiet()
        before = self.stored() if self.stored else 0
        with even_connections(subject, self.connections) as connections:
            server, store = subject.cpu(), subject.store.cpu()
            load = ClosedLoop(connections, self.requests()).run(seconds=seconds)
            server, store = subject.cpu() - server, subject.store.cpu() - store
        check_answers(subject.name, load.last_bodies, self.is_right)
        if self.stored:
            accepted = len(load.latencies) * self.tasks
            check_stored(subject.name, accepted, self.stored() - before)
        operations = len(load.latencies) * self.tasks
        return Sample(
            rate=load.rate * self.tasks,
            user=1000 * server.user / operations,
            system=1000 * server.system / operations,
            redis=1000 * store.total / operations,
            p50=load.percentile(50),
            p99=load.percentile(99),
        )


def check_answers(name: str, bodies: Sequence[bytes], is_right: Callable[[Any], bool]) -> None:
    """Raises LoadFailed if a body is not JSON or not what was asked for."""
    for body in bodies:
        try:
            right = is_right(json.loads(body))
        except (ValueError, LookupError, TypeError, AttributeError):
            right = False
        if not right:
            raise LoadFailed(f"{name} gave a wrong answer: {body[:500]!r}")


def check_stored(name: str, accepted: int, added: int) -> None:
    """Raises LoadFailed if the store has not exactly the accepted tasks."""
    if added != accepted:
        raise LoadFailed(f"{name} accepted {accepted} tasks and stored {added}")
