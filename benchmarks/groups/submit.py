"""Submit tasks by HTTP, one at a time and in batches."""

import json
from collections.abc import Iterator
from functools import partial
from itertools import repeat
from pathlib import Path

from benchmarks.contests import Entry, Requests, contest
from benchmarks.findings import Findings
from benchmarks.load import post
from benchmarks.peers.celery_app import nothing
from benchmarks.peers.environment import peers_python
from benchmarks.plan import Plan
from benchmarks.stored_tasks import DURATION, NAME, json_of, submitted
from benchmarks.subjects import HTTP_WORKERS, Subject, running_services

BATCH = 1_000
BATCHES = "ours, batches of 1,000"
POST_TASK = post("/tasks", json_of({}))
POST_BATCH = post(
    "/tasks/batch",
    json.dumps({"tasks": [{"task_name": NAME, "duration": DURATION}] * BATCH}).encode(),
)
POST_FLOWER = post(f"/api/task/async-apply/{nothing.name}", b'{"args": []}')
FLOWER_NOTE = (
    "one process, its only way; no record, no list: what it knows of a task comes from the events "
    "of a worker and is in its memory"
)
PLAIN_NOTE = "no validation; a crash between its three writes loses the task or its record"


def measure(directory: Path, plan: Plan, findings: Findings) -> None:
    """Measure POST /tasks, the batch, and Flower's async-apply; no worker is running."""
    with running_services(directory, peers_python() if plan.peers else None) as subjects:
        entries = [_entry(subject) for subject in subjects]
        entries.append(
            Entry(
                name=BATCHES,
                measure=Requests(
                    subject=subjects[0],
                    requests=partial(_repeat, POST_BATCH),
                    is_right=lambda body: len(body["tasks"]) == BATCH,
                    stored=partial(submitted, subjects[0]),
                    tasks=BATCH,
                    connections=HTTP_WORKERS,
                ),
                note="all or none of a batch is stored; rate and CPU are per task, times per batch",
            )
        )
        findings.contests["submit"] = contest(
            "Submit tasks",
            entries,
            base="plain",
            rounds=plan.rounds,
            seconds=plan.seconds,
            operation="task",
        )


def _entry(subject: Subject) -> Entry:
    flower = subject.name == "Flower"
    return Entry(
        name=subject.name,
        measure=Requests(
            subject=subject,
            requests=partial(_repeat, POST_FLOWER if flower else POST_TASK),
            is_right=(lambda body: body["task-id"]) if flower else is_queued,
            stored=partial(submitted, subject),
        ),
        note={"Flower": FLOWER_NOTE, "plain": PLAIN_NOTE}.get(subject.name, ""),
    )


def is_queued(body: dict[str, str]) -> bool:
    return bool(body["task_id"]) and body["status"] == "QUEUED"


def _repeat(request: bytes) -> Iterator[bytes]:
    return repeat(request)
