"""What a key costs: the same requests to a service that asks for one, and to one that does not."""

import os
import random
import subprocess
import sys
from functools import partial
from itertools import cycle, repeat
from pathlib import Path

from benchmarks.contests import Entry, Requests, contest
from benchmarks.findings import Findings
from benchmarks.goals import WITH_KEY
from benchmarks.groups.read import PATHS, SEED
from benchmarks.groups.submit import is_queued
from benchmarks.load import get, post
from benchmarks.plan import Plan
from benchmarks.processes import running_store
from benchmarks.stored_tasks import fill_ours, json_of, submitted
from benchmarks.subjects import Subject, running_ours

WITHOUT = "without keys"
STORED = 2_000
NOTE = "the key of an operator in each request"


def measure(directory: Path, plan: Plan, findings: Findings) -> None:
    """Measure POST /tasks and GET of one task with TASKS_AUTH=keys and with TASKS_AUTH=none."""
    with (
        running_store(directory / "keys") as keyed,
        running_store(directory / "none") as open_to_all,
        running_ours(keyed, directory / "keys.log", settings={"TASKS_AUTH": "keys"}) as asking,
        running_ours(open_to_all, directory / "none.log", settings={"TASKS_AUTH": "none"}) as plain,
    ):
        callers = [(WITH_KEY, asking, (f"Authorization: Bearer {a_token(asking)}",))]
        callers.append((WITHOUT, plain, ()))
        for _, subject, _ in callers:
            fill_ours(subject, min(STORED, plan.tasks))
        for key, title, entry in (
            ("submit with a key", "Submit tasks with a key", _submit),
            ("get one with a key", "GET one task with a key", _get),
        ):
            findings.contests[key] = contest(
                title,
                [entry(*caller) for caller in callers],
                base=WITHOUT,
                rounds=plan.rounds,
                seconds=plan.seconds,
            )


def a_token(subject: Subject) -> str:
    """Return the token of a new key, made as on the host of a service."""
    command = [sys.executable, "-m", "entrypoints.cli", "keys", "create", "bench"]
    made = subprocess.run(
        [*command, "--role", "operator"],
        env={**os.environ, "TASKS_REDIS_URL": subject.store.url},
        capture_output=True,
        text=True,
        check=True,
    )
    return made.stdout.strip()


def _submit(name: str, subject: Subject, headers: tuple[str, ...]) -> Entry:
    request = post("/tasks", json_of({}), *headers)
    return Entry(
        name=name,
        measure=Requests(
            subject=subject,
            requests=partial(repeat, request),
            is_right=is_queued,
            stored=partial(submitted, subject),
        ),
        note=NOTE if headers else "",
    )


def _get(name: str, subject: Subject, headers: tuple[str, ...]) -> Entry:
    known = set(subject.task_ids)
    chosen = random.Random(SEED).choices(subject.task_ids, k=PATHS)
    requests = [get(f"/tasks/{task_id}", *headers) for task_id in chosen]
    return Entry(
        name=name,
        measure=Requests(
            subject=subject,
            requests=partial(cycle, requests),
            is_right=lambda body: body["task_id"] in known,
        ),
        note=NOTE if headers else "",
    )
