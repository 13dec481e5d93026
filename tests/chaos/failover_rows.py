"""Rows about a master that is lost, while sentinels and a replica are there."""

import time

from tests.chaos.row import Outcome, Run, row
from tests.chaos.site import Site, pause
from tests.chaos.submitter import Submitter
from tests.chaos.watched_servers import WatchedServers
from tests.integration.waiting import wait_until

CONFIRMED = {"redis_min_replicas": 1}


@row("F-50", "kill -9 of the master during submits and runs; a replica confirms, sentinels switch")
def failover(run: Run) -> Outcome:
    """Count what must not be, and the accepted tasks that the new master lacks.

    The killed server starts again as a master. The sentinels make it a replica of the new one.
    """
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
                accepted = list(site.accepted)
                former, killed = servers.kill_master(), time.monotonic()
                servers.wait_for_successor(former)
                former.start()
                missing += len(accepted) - len(site.tasks(accepted))
                asked += len(accepted)
                _wait_for_a_submit(site)
                outcome.recoveries.append(time.monotonic() - killed)
                wait_until(servers.are_whole)
                run.say(f"{number + 1}: accepts after {outcome.recoveries[-1]:.2f} s")
        outcome.settle(site, 120)
        outcome.expect_crashes(site, 0)
        for process in (api, maintenance, worker):
            outcome.expect(not process.has_ended, f"process {process.pid} has ended")
    outcome.expect(not missing, f"{missing} accepted tasks were not on the new master")
    outcome.notes.append(
        f"{submitter.refused} submits refused; {missing} of {asked} accepted tasks missing on "
        "the new master"
    )
    return outcome


def _wait_for_a_submit(site: Site) -> None:
    before = len(site.accepted)
    wait_until(lambda: len(site.accepted) > before)
