"""The requests of all processes of a server are counted together, also of those that have died."""

import os
from collections.abc import Callable, Iterator
from multiprocessing import get_context
from multiprocessing.connection import Connection
from typing import Any

import pytest

from entrypoints.api.traffic import MAX_PROCESSES, Traffic

fork = get_context("fork")
Start = Callable[[Callable[[], object]], tuple[Any, Connection]]


@pytest.fixture
def traffic() -> Traffic:
    return Traffic({"tasks.Tasks": ("/tasks", {"GET", "POST"}), "pages.docs": ("/docs", {"GET"})})


@pytest.fixture
def start() -> Iterator[Start]:
    """Start a process that does something and lives until it is killed."""
    started = []

    def start(work: Callable[[], object]) -> tuple[Any, Connection]:
        ours, theirs = fork.Pipe()

        def live() -> None:
            work()
            theirs.send("done")
            theirs.recv()
            os._exit(0)

        process = fork.Process(target=live, daemon=True)
        process.start()
        started.append(process)
        assert ours.poll(60)
        assert ours.recv() == "done"
        return process, ours

    yield start
    for process in started:
        process.kill()
        process.join()


def requests(traffic: Traffic) -> dict[tuple[str, str], dict[str, int]]:
    return {(each.route, each.method): dict(each.by_status) for each in traffic.read().routes}


def test_sixteen_processes_count_together(traffic: Traffic, start: Start) -> None:
    def work() -> None:
        for number in range(1_000):
            traffic.count("tasks.Tasks", "POST", 202 if number % 10 else 503, 0.5 if number else 60)
        traffic.count_problem("overloaded")

    for _ in range(16):
        start(work)

    assert requests(traffic) == {("/tasks", "POST"): {"202": 14_400, "503": 1_600}}
    [route] = traffic.read().routes
    assert sum(route.buckets) == 16_000
    assert route.buckets[-1] == 16
    assert route.seconds == pytest.approx(16 * (999 * 0.5 + 60))
    assert traffic.read().problems["overloaded"] == 16


def test_what_dead_processes_counted_stays_and_their_place_is_used_again(
    traffic: Traffic, start: Start
) -> None:
    for _ in range(MAX_PROCESSES + 10):
        process, _ = start(lambda: traffic.count("pages.docs", "GET", 200, 0.001))
        process.kill()
        process.join()

    assert requests(traffic) == {("/docs", "GET"): {"200": MAX_PROCESSES + 10}}


def test_what_no_route_takes_has_bounded_names(traffic: Traffic) -> None:
    traffic.count(None, "GET", 404, 0)
    traffic.count("tasks.Tasks", "DELETE", 405, 0)
    traffic.count(None, "BREW", 418, 0)

    assert requests(traffic) == {
        ("unmatched", "GET"): {"404": 1},
        ("unmatched", "DELETE"): {"405": 1},
        ("unmatched", "other"): {"other": 1},
    }


@pytest.mark.parametrize("seconds", [0, 0.002, 0.0021, 30, 31])
def test_a_duration_counts_where_prometheus_expects_it(traffic: Traffic, seconds: float) -> None:
    traffic.count("pages.docs", "GET", 200, seconds)

    [route] = traffic.read().routes
    place = {0: 0, 0.002: 0, 0.0021: 1, 30: 12, 31: 13}[seconds]
    assert [at for at, number in enumerate(route.buckets) if number] == [place]


def test_the_position_is_the_least_of_the_living_processes_that_read_events(
    traffic: Traffic, start: Start
) -> None:
    assert traffic.read().position is None
    traffic.note_position("9-1")
    late, _ = start(lambda: traffic.note_position("5-7"))
    start(lambda: traffic.note_position("7-0"))
    start(lambda: traffic.note_position(None))
    assert traffic.read().position == "5-7"

    late.kill()
    late.join()
    assert traffic.read().position == "7-0"
    start(lambda: traffic.count("pages.docs", "GET", 200, 0))  # it has the place of the dead one
    assert traffic.read().position == "7-0"
