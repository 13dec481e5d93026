"""Rows about Redis itself: away, restarted, full, read-only."""

import time
from dataclasses import dataclass, field

import psutil

from tests.chaos.faults import full_redis, misconf, readonly, redis_killed, redis_stopped
from tests.chaos.row import Outcome, Run, row
from tests.chaos.site import Site, pause
from tests.chaos.submitter import Submitter
from tests.integration.waiting import wait_until


@row("F-11", "Redis restarted (SIGTERM) under load")
def restart_redis(run: Run) -> Outcome:
    outcome = Outcome(repetitions=run.times(10), limit=5.0)
    with run.site() as site:
        site.with_service()
        for number in range(outcome.repetitions):
            site.flood(30, ms=50)
            site.running(1)
            pause(0, 0.3)
            with redis_stopped(site.server) as away:
                pause(0, 1.5)
            first = site.journal.first_start(after=away.ended, seconds=60)
            outcome.recoveries.append(first - away.ended)
            run.say(f"{number + 1}: works {outcome.recoveries[-1]:.2f} s after Redis is back")
            site.settle(30)
        outcome.settle(site, 30)
        outcome.expect_crashes(site, 0)
    return outcome


@row("F-12", "kill -9 of Redis during submits; AOF always")
def kill_redis(run: Run) -> Outcome:
    outcome = Outcome(repetitions=run.times(20))
    with run.site(fsync="always") as site:
        site.with_service()
        with Submitter(site, threads=4) as submitter:
            for number in range(outcome.repetitions):
                goal = len(site.accepted) + 50
                wait_until(lambda goal=goal: len(site.accepted) >= goal, 30)
                pause(0, 0.2)
                with redis_killed(site.server):
                    run.say(f"{number + 1} killed, {len(site.accepted)} accepted")
        outcome.settle(site, 90)
        outcome.notes.append(f"{submitter.refused} submits refused")
    return outcome


@row("F-14", "Redis down; lease 15 s")
def redis_down(run: Run) -> Outcome:
    outcome = Outcome(repetitions=1)
    seconds = 20 if run.quick else 60
    with run.site() as site:
        site.with_service()
        site.begin(2, ms=15_000)
        site.flood(50, ms=20)
        with redis_killed(site.server) as away:
            refusals = _submit_for(site, seconds)
        first = site.journal.first_start(after=away.ended, seconds=60)
        outcome.recoveries.append(first - away.ended)
        wait_until(site.accepts, 10)
        outcome.settle(site, 90)
        outcome.expect_crashes(site, 0)
    later = sorted(refusals.waits[1:])
    slow = later[int(len(later) * 0.99)]
    outcome.expect(refusals.codes == {503}, f"responses {refusals.codes}")
    outcome.expect(refusals.waits[0] <= 1.1, "the first 503 took more than 1.1 s")
    outcome.expect(slow <= 0.02, "p99 of the later ones is above 20 ms")
    outcome.expect(refusals.growth < 5, "the memory of the API grew by more than 5 MiB")
    first_ms, slow_ms, last_ms = refusals.waits[0] * 1000, slow * 1000, later[-1] * 1000
    outcome.notes.append(
        f"down for {seconds} s; {len(refusals.waits)} x 503, first {first_ms:.0f} ms (1100), then "
        "p99 "
        f"{slow_ms:.0f} ms (20) max {last_ms:.0f} ms; memory {refusals.growth:+.1f} MiB"
    )
    return outcome


@dataclass
class Refusals:
    """Responses of the API to submits, one after the other."""

    codes: set[int] = field(default_factory=set)
    waits: list[float] = field(default_factory=list)
    """Seconds until each response."""
    memory: list[int] = field(default_factory=list)
    """Bytes of the API, after each hundredth response."""

    @property
    def growth(self) -> float:
        """MiB, from the end of the first quarter: until then caches fill."""
        return (self.memory[-1] - self.memory[len(self.memory) // 4]) / 2**20


def _submit_for(site: Site, seconds: float) -> Refusals:
    refusals, until = Refusals(), time.monotonic() + seconds
    while (began := time.monotonic()) < until:
        refusals.codes.add(site.post().status_code)
        refusals.waits.append(time.monotonic() - began)
        if len(refusals.waits) % 100 == 1:
            refusals.memory.append(_memory(site.api.pid))
        time.sleep(0.01)
    return refusals


def _memory(pid: int) -> int:
    parent = psutil.Process(pid)
    processes = [parent, *parent.children(recursive=True)]
    return sum(process.memory_info().rss for process in processes)


@row("F-18", "Redis full, then 85 % full")
def full(run: Run) -> Outcome:
    outcome = Outcome(repetitions=run.times(5))
    with run.site() as site:
        site.with_service()
        for number in range(outcome.repetitions):
            wait_until(site.accepts, 10)
            labels = {"note": "x" * 200, "also": "y" * 200, "run": str(number)}
            ballast = [site.submit(**labels) for _ in range(300)]
            site.settle(30)
            going = site.flood(60, ms=50)
            site.running(2)
            with full_redis(site.server, lacking=100_000):
                _expect_capacity(site, outcome, "when full")
                finished = site.settle(30, going)
                outcome.expect(finished, "waiting and running work stopped while Redis was full")
            with full_redis(site.server, share=0.87):
                _expect_capacity(site, outcome, "at 87 %")
                seconds = _delete_until_accepted(site, outcome, ballast)
            run.say(f"{number + 1}: {len(ballast)} deleted, open after {seconds:.1f} s")
        outcome.settle(site, 60)
    return outcome


def _expect_capacity(site: Site, outcome: Outcome, when: str) -> None:
    wait_until(lambda: not site.accepts(), 10)
    response = site.post()
    status, code = response.status_code, response.json().get("code")
    outcome.expect((status, code) == (503, "capacity"), f"{status} {code} {when}")


def _delete_until_accepted(site: Site, outcome: Outcome, ids: list[str]) -> float:
    """Delete these tasks, then let used memory be 80 % at most.

    Returns the seconds until a submit is accepted.
    """
    began, client = time.monotonic(), site.server.client
    for task_id in ids:
        status = site.session.delete(site.url(f"/tasks/{task_id}"), timeout=10).status_code
        outcome.expect(status == 204, f"delete: {status}")
        site.accepted.remove(task_id)
    used, limit = site.server.used_memory(), int(client.info("memory")["maxmemory"])
    outcome.expect(used < 0.87 * limit, "deleting freed no memory")
    client.config_set("maxmemory", max(limit, int(used / 0.8)))
    wait_until(site.accepts, 10)
    return time.monotonic() - began


@row("F-19", "READONLY (it became a replica), then MISCONF (it cannot save)")
def refuses_writes(run: Run) -> Outcome:
    outcome = Outcome(repetitions=run.times(5) * 2, limit=10.0)
    with run.site() as site:
        site.with_service()
        for number in range(outcome.repetitions):
            name, fault = ("MISCONF", misconf) if number % 2 else ("READONLY", readonly)
            site.flood(20, ms=100)
            site.running(1)
            with fault(site.server) as refusing:
                status = site.post().status_code
                outcome.expect(status == 503, f"{name}: {status}")
                pause(1, 3)
            wait_until(site.accepts, 30)
            open_again = time.monotonic()
            first = site.journal.wait_start(site.accepted[-1], seconds=60)
            outcome.recoveries.append(max(open_again, first.started) - refusing.ended)
            run.say(f"{number + 1} {name}: healed after {outcome.recoveries[-1]:.2f} s")
            site.settle(30)
        outcome.settle(site, 60)
        outcome.expect_crashes(site, 0)
    return outcome
