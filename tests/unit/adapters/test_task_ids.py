"""Ids of tasks."""

from datetime import UTC, datetime

from adapters.system.task_ids import UuidTaskIds
from tests.building import NOON


def test_ids_are_new_and_sort_by_their_time() -> None:
    ids = [UuidTaskIds().next() for _ in range(1000)]

    assert len(set(ids)) == 1000
    assert ids == sorted(ids)
    assert datetime.fromtimestamp(int(ids[0].replace("-", "")[:12], 16) / 1000, UTC) > NOON
