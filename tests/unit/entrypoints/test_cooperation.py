"""Requests that compute let others run."""

import gevent
import pytest

from entrypoints.api.concurrency import cooperation
from entrypoints.api.concurrency.cooperation import TimeSlice, paced


def test_other_greenlets_run_when_a_slice_is_over(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cooperation, "let_others_run", TimeSlice(0).yield_when_over)
    order: list[str] = []

    def compute(name: str) -> None:
        nonlocal order
        for _ in paced(range(3)):
            order += [name]

    gevent.joinall([gevent.spawn(compute, name) for name in ("a", "b")], raise_error=True)

    assert order != ["a", "a", "a", "b", "b", "b"]
    assert sorted(order) == ["a", "a", "a", "b", "b", "b"]


def test_timers_run_beside_a_greenlet_that_is_alone() -> None:
    ticks: list[int] = []
    slice = TimeSlice(0)

    def compute() -> None:
        for _ in range(20):
            slice.yield_when_over()

    gevent.spawn_later(0.001, ticks.append, 1)
    gevent.spawn(compute).join()

    assert ticks


def test_nothing_waits_outside_of_gevent(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_: float) -> None:
        raise AssertionError("slept")

    monkeypatch.setattr(cooperation, "sleep", fail)

    assert list(paced(range(3))) == [0, 1, 2]
    TimeSlice(0).yield_when_over()


def test_a_short_computation_is_not_interrupted(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_: float) -> None:
        raise AssertionError("slept")

    slice = TimeSlice(1_000)
    gevent.spawn(slice.yield_when_over).join()
    monkeypatch.setattr(cooperation, "sleep", fail)

    gevent.spawn(slice.yield_when_over).get()


def test_a_short_computation_passes_long_ones() -> None:
    time_slice, steps = TimeSlice(0), [0]

    def compute(turns: int) -> None:
        for _ in range(turns):
            time_slice.yield_when_over()
            steps[0] += 1

    long = [gevent.spawn(compute, 20) for _ in range(20)]
    while steps[0] < 20 * 5:
        gevent.sleep(0.001)
    before = steps[0]
    gevent.spawn(compute, 3).get()

    assert steps[0] - before < 20
    gevent.joinall(long, raise_error=True)


def test_a_long_computation_gets_every_fourth_turn() -> None:
    time_slice, between, short = TimeSlice(0), list[int](), [0]

    def compute_long() -> None:
        for _ in range(20):
            time_slice.yield_when_over()
            between.append(short[0])
            short[0] = 0

    def compute_short() -> None:
        time_slice.yield_when_over()
        short[0] += 1

    def compute_many() -> None:
        while len(between) < 20:
            gevent.spawn(compute_short).get()

    many = [gevent.spawn(compute_many) for _ in range(10)]
    gevent.joinall([gevent.spawn(compute_long), *many], raise_error=True)

    assert max(between[3:]) == 3
    assert max(between[:3]) > 3, "it was short before"


def test_others_wait_for_a_few_slices_however_many_requests_compute() -> None:
    time_slice, steps, between = TimeSlice(0), [0], []

    def compute() -> None:
        for _ in range(10):
            time_slice.yield_when_over()
            steps[0] += 1

    def look() -> None:
        before = 0
        while steps[0] < 1_000:
            gevent.sleep(0.001)
            between.append(steps[0] - before)
            before = steps[0]

    computing = [gevent.spawn(compute) for _ in range(100)]
    gevent.joinall([gevent.spawn(look), *computing], raise_error=True)

    assert steps[0] == 1_000
    assert max(between) < 20
