"""Workers follow the load up and down, do not flap, and give each run its grace when they stop.

Everything is virtual: an hour takes a fraction of a second, and each run is the same.
"""

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from application.use_cases.operations.get_scaling import DRAIN_SECONDS
from tests.unit.application.simulated_autoscaler import SYNC_SECONDS, production_autoscaler
from tests.unit.application.simulated_cluster import (
    EXIT_SECONDS,
    START_SECONDS,
    Cluster,
    Work,
    burst,
    facts,
    turns,
)

HOUR = 3_600
SLOW_DOWN_SECONDS = 480
"""Two minutes of stabilization and five steps down of a minute each, with some room."""


def a_cluster(work: list[Work]) -> Cluster:
    return Cluster(work, production_autoscaler())


def steady(rate: float, mean_seconds: float, seed: int) -> list[Work]:
    """Return an hour of tasks that arrive at random, and take random times."""
    chance, at, found = random.Random(seed), 0.0, []
    while at < HOUR:
        at += chance.expovariate(rate)
        found.append(Work(at, max(chance.expovariate(1 / mean_seconds), 1)))
    return found


def require_grace(cluster: Cluster) -> None:
    """No run was ended before its grace, and no worker was killed by the kubelet."""
    assert all(
        cluster.grace <= seconds <= cluster.grace + EXIT_SECONDS for seconds in cluster.ended_early
    ), cluster.ended_early


@pytest.mark.parametrize(
    ("number", "seconds", "peak"),
    [(6_000, 2, 20), (500, 10, 20), (30, 600, 8), (12, 20, 3), (1, 1, 2)],
)
def test_workers_follow_a_burst_up_and_down_once(number: int, seconds: float, peak: int) -> None:
    cluster = a_cluster(burst(300, number, seconds))

    cluster.run(300)
    before = list(cluster.replicas)
    cluster.run_until_idle(number, SLOW_DOWN_SECONDS)

    assert len(cluster.done) == number
    assert set(before) == {2}
    assert max(cluster.replicas) == peak, facts(cluster)
    assert cluster.replicas[-1] == 2, facts(cluster)
    assert turns(cluster.replicas) == (1 if peak > 2 else 0), facts(cluster)
    require_grace(cluster)


def test_each_wave_gets_as_many_workers_as_the_first() -> None:
    waves = 4
    cluster = a_cluster(
        [work for at in range(waves) for work in burst(300 + at * HOUR / 3, 2_000, 2)]
    )

    cluster.run((waves + 1) * HOUR / 3)

    assert len(cluster.done) == 2_000 * waves
    assert turns(cluster.replicas) == 2 * waves - 1, facts(cluster)
    assert cluster.replicas.count(2) > len(cluster.replicas) / 4
    require_grace(cluster)


@pytest.mark.parametrize("seed", range(2))
@pytest.mark.parametrize(("rate", "seconds"), [(10, 2), (5, 3), (0.5, 20), (0.02, 300)])
def test_workers_do_not_flap_while_tasks_arrive_at_random(
    rate: float, seconds: float, seed: int
) -> None:
    cluster = a_cluster(steady(rate, seconds, seed))

    cluster.run(HOUR)

    settled = cluster.replicas[len(cluster.replicas) // 3 :]
    places = rate * seconds / cluster.places
    assert max(settled) <= places + 3, facts(cluster)
    assert turns(settled) <= len(settled) * SYNC_SECONDS / 360, facts(cluster)
    waits = sorted(work.started[0] - work.arrives for work in cluster.done)
    longest = DRAIN_SECONDS + START_SECONDS + 2 * SYNC_SECONDS
    assert waits[int(len(waits) * 0.99)] <= longest, facts(cluster)
    require_grace(cluster)


def test_long_runs_that_lose_their_worker_had_their_grace_and_end_elsewhere() -> None:
    short, long = burst(60, 3_000, 2), burst(90, 12, 500)
    cluster = a_cluster([*short, *long])

    cluster.run_until_idle(len(short) + len(long), SLOW_DOWN_SECONDS)

    assert cluster.ended_early, "the simulation stops the workers that run the most tasks"
    require_grace(cluster)
    assert all(work.ended is not None for work in long)
    assert cluster.replicas[-1] == 2
    assert all(
        desired >= running
        for desired, running in zip(cluster.desired, cluster.running, strict=True)
    )


BURSTS = st.lists(
    st.tuples(st.integers(0, HOUR), st.integers(1, 200), st.sampled_from([1, 5, 60, 400])),
    max_size=5,
)


@settings(max_examples=15)
@given(BURSTS)
def test_no_load_makes_a_run_end_before_its_grace_or_wait_for_ever(
    bursts: list[tuple[int, int, float]],
) -> None:
    work = [each for one in bursts for each in burst(*one)]
    cluster = a_cluster(work)

    cluster.run_until_idle(len(work), SLOW_DOWN_SECONDS)

    require_grace(cluster)
    assert len(cluster.done) == len(work)
    assert set(cluster.replicas) <= set(range(2, 21))
    assert cluster.replicas[-1] == 2, facts(cluster)
