"""Measure the calls that every part of scaling measures."""

import json
import random
from collections.abc import Sequence
from functools import partial
from itertools import cycle

from benchmarks.contests import Requests
from benchmarks.findings import Sample
from benchmarks.groups.submit import is_queued
from benchmarks.load import get, post
from benchmarks.stored_tasks import Members, json_of, submitted
from benchmarks.subjects import Subject

PATHS = 1_000
SEED = 1
MIN_WARM_UP_SECONDS = 0.3


def post_tasks(
    subject: Subject, seconds: float, connections: int, each: Sequence[Members] = ({},)
) -> Sample:
    """Measure POST /tasks with these members in turn. Raises LoadFailed."""
    requests = [post("/tasks", json_of(members)) for members in each]
    return _measured(
        Requests(
            subject=subject,
            requests=partial(cycle, requests),
            is_right=is_queued,
            stored=partial(submitted, subject),
            connections=connections,
        ),
        seconds,
    )


def get_tasks(subject: Subject, seconds: float, connections: int) -> Sample:
    """Measure GET /tasks/<id> at random. Raises LoadFailed."""
    ids = random.Random(SEED).choices(subject.task_ids, k=PATHS)
    return _measured(
        Requests(
            subject=subject,
            requests=partial(cycle, [get(f"/tasks/{task_id}") for task_id in ids]),
            is_right=lambda body: body["task_id"] in ids,
            connections=connections,
        ),
        seconds,
    )


def get_path(subject: Subject, path: str, seconds: float) -> Sample:
    """Measure GET of one path over one connection. Raises LoadFailed."""
    return _measured(
        Requests(
            subject=subject,
            requests=partial(cycle, [get(path)]),
            is_right=lambda body: bool(json.dumps(body)),
            connections=1,
        ),
        seconds,
    )


def _measured(requests: Requests, seconds: float) -> Sample:
    requests(max(seconds / 10, MIN_WARM_UP_SECONDS))
    return requests(seconds)
