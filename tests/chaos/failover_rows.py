"""Rows about a master that is lost, while sentinels and a replica are there."""

import contextlib
import os
import signal
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager

from application.errors import StoreUnavailable
from tests.chaos.row import Outcome, Run, row
from tests.chaos.site import Site, pause
from tests.chaos.submitter import Submitter
from tests.chaos.watched_servers import WatchedServers
from tests.integration.waiting import wait_until

CONFIRMED = {"redis_min_replicas": 1}

Loss = Callable[[WatchedServers], AbstractContextManager[None]]


@row("F-50", "kill -9 of the master during submits and runs; a replica confirms, sentinels switch")
def failover(run: Run) -> Outcome:
    """The killed server starts again as a master. The sentinels make it a replica."""
    return _lose_masters(run, _killed)


@row("F-50s", "SIGSTOP of the master until the sentinels have switched; a replica confirms")
def frozen_master(run: Run) -> Outcome:
    """The server goes on as a second master, which others are connected to, until it is demoted."""
    return _lose_masters(run, _frozen)


def _lose_masters(run: Run, lost: Loss) -> Outcome:
    """Count what must not be, and the accepted tasks that the new master lacks."""
    outcome, missing, asked = Outcome(repetitions=run.times(10)), 0, 0
    with run.site(kind_of_server=WatchedServers) as site:
        servers: WatchedServers = site.server
        api = site.with_api(**CONFIRMED)
        maintenance = site.with_maintenance(**CONFIRMED)
        worker = site.with_worker(4, **CONFIRMED)
        with Submitter(site, threads=4, ms=50) as submitter:
            for number in range(outcome.repetitions):
                goal = len(site.accepted) + 50
                wait_until(lambda goal=goal: len(site.accepted) >= goal)  # type: ignore[misc]
                pause(0, 0.5)
                accepted, began = list(site.accepted), time.monotonic()
                with lost(servers):
                    missing += len(accepted) - _stored(site, accepted)
                    asked += len(accepted)
                _wait_for_a_submit(site)
                outcome.recoveries.append(time.monotonic() - began)
                wait_until(servers.are_whole)
                run.say(f"{number + 1}: accepts after {outcome.recoveries[-1]:.2f} s")
        outcome.settle(site, 120)
        others = sum(task.status != "COMPLETED" for task in site.tasks().values())
        outcome.expect(not others, f"{others} tasks are not completed")
        crashes = site.crashes()
        for process in (api, maintenance, worker):
            outcome.expect(not process.has_ended, f"process {process.pid} has ended")
    outcome.expect(not missing, f"{missing} accepted tasks were not on the new master")
    outcome.notes.append(
        f"{submitter.refused} submits refused; {missing} of {asked} accepted tasks missing on "
        f"the new master; {crashes} crashes counted"
    )
    return outcome


@contextlib.contextmanager
def _killed(servers: WatchedServers) -> Iterator[None]:
    """SIGKILL for the master; started again on exit. Within the block there is another one."""
    former = servers.master()
    former.kill()
    servers.wait_for_successor(former)
    yield
    former.start()


@contextlib.contextmanager
def _frozen(servers: WatchedServers) -> Iterator[None]:
    """SIGSTOP for the master, SIGCONT on exit. Within the block there is another one."""
    former = servers.master()
    os.kill(former.process.pid, signal.SIGSTOP)
    try:
        servers.wait_for_successor(former)
        yield
    finally:
        os.kill(former.process.pid, signal.SIGCONT)


def _stored(site: Site, ids: Sequence[str]) -> int:
    """Return how many of these tasks the present master has."""
    found: list[int] = []

    def count() -> bool:
        with contextlib.suppress(StoreUnavailable):  # by a connection to the former master
            found.append(len(site.tasks(ids)))
        return bool(found)

    wait_until(count)
    return found[0]


def _wait_for_a_submit(site: Site) -> None:
    before = len(site.accepted)
    wait_until(lambda: len(site.accepted) > before)
