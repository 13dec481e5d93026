"""The number of places that a queue needs."""

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.scaling import QueueLoad, desired_places

MINUTE = timedelta(minutes=1)
NUMBERS = st.integers(0, 1_000_000)
RUN_SECONDS = st.none() | st.floats(min_value=0.0005, max_value=30 * 86_400)
LOADS = st.builds(
    QueueLoad,
    waiting=NUMBERS,
    running=NUMBERS,
    run_seconds=RUN_SECONDS,
)


@pytest.mark.parametrize(
    ("places", "load"),
    [
        (0, {}),
        (1, {"waiting": 1, "run_seconds": 0.0005}),
        (1, {"waiting": 60, "run_seconds": 1}),
        (2, {"waiting": 61, "run_seconds": 1}),
        (167, {"waiting": 10_000, "run_seconds": 1}),
        (167, {"waiting": 9_900, "running": 100, "run_seconds": 1}),
        (200, {"waiting": 100, "running": 200, "run_seconds": 1}),
        (12, {"waiting": 4, "running": 8, "run_seconds": 3_600}),
        (12, {"waiting": 4, "running": 8, "run_seconds": None}),
        (2, {"running": 2, "run_seconds": 0.1}),
        (1_000_000, {"waiting": 1_000_000, "run_seconds": 60}),
    ],
)
def test_the_places_end_all_tasks_within_a_minute(places: int, load: dict[str, Any]) -> None:
    given_load = QueueLoad(**{"waiting": 0, "running": 0, "run_seconds": 1.0, **load})

    assert desired_places(given_load, MINUTE) == places


@given(LOADS, st.floats(min_value=1, max_value=86_400))
def test_running_tasks_keep_their_places_and_no_place_has_nothing_to_do(
    load: QueueLoad, drain: float
) -> None:
    places = desired_places(load, timedelta(seconds=drain))

    assert places >= load.running
    assert places > 0 or load.waiting == 0
    assert places <= load.waiting + load.running


@given(LOADS, st.floats(min_value=1, max_value=43_200))
def test_a_longer_time_never_needs_more_places(load: QueueLoad, drain: float) -> None:
    assert desired_places(load, timedelta(seconds=2 * drain)) <= desired_places(
        load, timedelta(seconds=drain)
    )
