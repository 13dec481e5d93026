"""A child of the worker is replaced at its limits, and its pool copes with children that left."""

import os
from types import SimpleNamespace

import pytest

from adapters.celery.retiring_pool import retiring_pool
from adapters.supervision.retirement import Retirement, resident_bytes


@pytest.mark.parametrize(
    ("max_runs", "max_memory", "due_after"),
    [(3, 0, 3), (0, 1, 1), (0, 0, None), (0, 1 << 50, None)],
)
def test_a_child_retires_at_the_first_limit_that_it_reaches(
    max_runs: int, max_memory: int, due_after: int | None
) -> None:
    retirement = Retirement(max_runs, max_memory)
    due = []
    for run in range(1, 6):
        retirement.count_run()
        due += [run] if retirement.is_due else []

    assert (due[0] if due else None) == due_after
    assert resident_bytes() > 1 << 20


def test_after_a_reconnect_a_child_that_has_ended_is_not_watched_and_the_worker_goes_on() -> None:
    pool = retiring_pool(Retirement()).Pool
    watched: list[int] = []
    hub = SimpleNamespace(add_reader=lambda fd, *_: watched.append(fd))
    reading, writing = os.pipe()
    try:
        for child in (
            SimpleNamespace(_sentinel_poll=None),
            SimpleNamespace(_sentinel_poll=reading),
        ):
            pool._track_child_process(object.__new__(pool), child, hub)
    finally:
        os.close(reading)
        os.close(writing)
    assert watched == [reading]
