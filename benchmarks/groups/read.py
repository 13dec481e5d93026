"""Read one task and pages of tasks by HTTP, known ones and ones that no cache has."""

import random
from collections.abc import Callable, Iterator
from functools import partial
from itertools import cycle, repeat
from pathlib import Path
from typing import Any

from benchmarks.connections import even_connections
from benchmarks.contests import CONNECTIONS, WARM_UP_SECONDS, Entry, Requests, contest
from benchmarks.findings import Findings, Sample
from benchmarks.load import ClosedLoop, get
from benchmarks.peers.environment import peers_python
from benchmarks.plan import Plan
from benchmarks.stored_tasks import fill_flower, fill_ours, fill_plain
from benchmarks.subjects import Subject, running_ours, running_services

PATHS = 1000
"""Number of different paths that are requested in turn."""
SEED = 1
SIZES = (10, 100)

Paths = Callable[[], Iterator[bytes]]
Check = Callable[[Any], bool]


def measure(directory: Path, plan: Plan, findings: Findings) -> None:
    """Measure GET of one task and of pages, while `plan.tasks` final tasks are stored."""
    with running_services(directory, peers_python() if plan.peers else None) as subjects:
        ours, plain, *flower = subjects
        fill_ours(ours, plan.tasks)
        fill_plain(plain, plan.tasks)
        for subject in flower:
            fill_flower(subject, plan.flower_tasks)

        def add(key: str, title: str, entries: list[Entry]) -> None:
            findings.contests[key] = contest(
                title, entries, base="plain", rounds=plan.rounds, seconds=plan.seconds
            )

        add("get one", "GET one task", [entry(each, *reads(each)) for each in subjects])
        for size in SIZES:
            entries = [entry(each, *pages(each, size)) for each in subjects]
            add(f"list of {size}", f"GET a page of {size}", entries)
        for size in SIZES:
            entries = [
                Entry(name="ours", measure=_Cold(ours, directory, size), warm_up=False),
                entry(plain, *_pages_once(plain, size)),
            ]
            add(f"first list of {size}", f"GET a page of {size} for the first time", entries)
    findings.remarks["read"] = (
        f"{plan.tasks:,} final tasks are stored"
        + (
            f"; Flower, which is the slower the more it holds, has {plan.flower_tasks:,}"
            * plan.peers
        )
        + f". {PATHS:,} paths at random places are requested in turn. For a page that is read for "
        "the first time, our API is started anew in each round and each page is requested once."
    )


class _Cold:
    """Measure a page that no process has read yet: each round is a new API on the same store."""

    def __init__(self, subject: Subject, directory: Path, size: int) -> None:
        self._filled, self._directory, self._size = subject, directory, size

    def __call__(self, seconds: float) -> Sample:
        log = self._directory / "cold.log"
        with running_ours(self._filled.store, log) as subject:
            subject.task_ids = self._filled.task_ids
            with even_connections(subject, CONNECTIONS) as connections:
                warm_up = repeat(get(f"/tasks?page=1&page_size={self._size}"))
                ClosedLoop(connections, warm_up).run(seconds=min(WARM_UP_SECONDS, seconds))
            requests, is_right = _pages_once(subject, self._size)
            return Requests(subject=subject, requests=requests, is_right=is_right)(seconds)


def entry(subject: Subject, requests: Paths, is_right: Check) -> Entry:
    return Entry(
        name=subject.name,
        measure=Requests(subject=subject, requests=requests, is_right=is_right),
    )


def reads(subject: Subject) -> tuple[Paths, Check]:
    known = set(subject.task_ids)
    chosen = random.Random(SEED).choices(subject.task_ids, k=PATHS)
    flower = subject.name == "Flower"
    path, member = ("/api/task/info/", "uuid") if flower else ("/tasks/", "task_id")
    requests = [get(f"{path}{task_id}") for task_id in chosen]
    return partial(cycle, requests), lambda body: body[member] in known


def pages(subject: Subject, size: int) -> tuple[Paths, Check]:
    """Return pages at random places in the list."""
    if subject.name == "Flower":
        last = len(subject.task_ids) - size
        offsets = random.Random(SEED).choices(range(last), k=PATHS)
        requests = [get(f"/api/tasks?limit={size}&offset={offset}") for offset in offsets]
        return partial(cycle, requests), lambda body: len(body) == size
    numbers = random.Random(SEED).choices(range(1, 1 + len(subject.task_ids) // size), k=PATHS)
    return partial(cycle, [_page(number, size) for number in numbers]), _has(size)


def _pages_once(subject: Subject, size: int) -> tuple[Paths, Check]:
    """Return every page but the first, once, in a random order."""
    numbers = list(range(2, 1 + len(subject.task_ids) // size))
    random.Random(SEED).shuffle(numbers)
    return partial(iter, [_page(number, size) for number in numbers]), _has(size)


def _page(number: int, size: int) -> bytes:
    return get(f"/tasks?page={number}&page_size={size}")


def _has(size: int) -> Check:
    return lambda body: len(body["tasks"]) == size
