"""Rows about the way to Redis: cut off, closed, silent."""

import time

from tests.chaos.faults import cut_off
from tests.chaos.row import Outcome, Run, row
from tests.chaos.site import pause
from tests.chaos.submitter import Submitter
from tests.integration.following import Follower
from tests.integration.waiting import wait_until


@row(
    "F-10",
    "one worker cut off from Redis, one run begun just before, another worker alive; lease 15 s",
)
def one_worker_cut_off(run: Run) -> Outcome:
    outcome = Outcome(repetitions=3, limit=18.0)
    seconds = 25 if run.quick else 60
    work = (seconds - 8) * 1_000
    with run.site() as site:
        proxy = site.with_proxy()
        site.with_service(3, host="cut", through=proxy)
        long_running = site.begin(2, ms=work)
        renewed = time.monotonic() + 2
        wait_until(lambda: time.monotonic() > renewed)
        pause(0, 3)
        fresh = site.begin(1, ms=work)
        with cut_off(proxy) as cut:
            site.with_worker(3, host="alive", ready=False)
            deaths = [death - cut.began for death in site.deaths([*long_running, *fresh], 30)]
            again = site.again([*long_running, *fresh])
            outcome.recoveries += [each.started - cut.began for each in again]
            run.say(f"dead after {max(deaths):.2f} s, again after {max(outcome.recoveries):.2f} s")
            wait_until(lambda: time.monotonic() - cut.began > seconds, 90)
        outcome.settle(site, 60)
        outcome.expect_crashes(site, 0, [each.task_id for each in long_running])
        outcome.expect_crashes(site, 0, [each.task_id for each in fresh])
    outcome.notes.append(f"cut for {seconds} s, children dead within {max(deaths):.2f} s (13)")
    outcome.expect(max(deaths) <= 13, "a child outlived 13 s")
    return outcome


@row("F-15", "CLIENT KILL of all connections under load")
def kill_connections(run: Run) -> Outcome:
    outcome = Outcome(repetitions=run.times(30), limit=5.0)
    with run.site() as site:
        site.with_service()
        with Submitter(site, ms=10):
            for number in range(outcome.repetitions):
                pause(0.1, 0.5)
                dropped = site.server.kill_connections()
                killed = time.monotonic()
                outcome.recoveries.append(
                    site.journal.first_start(after=killed, seconds=30) - killed
                )
                run.say(
                    f"{number + 1}: {dropped} connections, work after {outcome.recoveries[-1]:.2f} "
                    "s"
                )
        outcome.settle(site, 60)
        outcome.expect_one_run_each(site)
    return outcome


@row("F-15a", "replies lost after a command was carried out, to a worker under load")
def lose_replies(run: Run) -> Outcome:
    outcome = Outcome(repetitions=run.times(30), limit=5.0)
    with run.site() as site:
        proxy = site.with_proxy()
        site.with_service(through=proxy)
        with Submitter(site, ms=10):
            for number in range(outcome.repetitions):
                pause(0.1, 0.5)
                proxy.lose_replies()
                lost = time.monotonic()
                outcome.recoveries.append(
                    site.journal.first_start(after=lost + 0.05, seconds=30) - lost
                )
                run.say(f"{number + 1} lost, work after {outcome.recoveries[-1]:.2f} s")
        outcome.settle(site, 60)
        outcome.expect_one_run_each(site)
    return outcome


@row("F-16", "the worker's connections swallow everything without closing; idle, then in a run")
def swallow_connections(run: Run) -> Outcome:
    outcome = Outcome(repetitions=2 if run.quick else 6, limit=25.0)
    with run.site() as site:
        proxy = site.with_proxy()
        site.with_service(through=proxy)
        for number in range(outcome.repetitions):
            running = [each.task_id for each in site.begin(number % 2, ms=4_000)]
            proxy.swallow()
            swallowed = time.monotonic()
            ids = [site.submit(ms=10) for _ in range(5)]
            starts = [site.journal.wait_start(task_id, seconds=60).started for task_id in ids]
            outcome.recoveries.append(min(starts) - swallowed)
            run.say(f"{number + 1}: works after {outcome.recoveries[-1]:.2f} s")
            site.settle(30, running)
            kept = all(task.attempt == 1 for task in site.tasks(running).values())
            outcome.expect(kept, "the run under way did not keep its result")
        outcome.settle(site, 60)
    return outcome


@row(
    "F-16s", "the API's connections swallow everything without closing, while streams are followed"
)
def swallow_streams(run: Run) -> Outcome:
    outcome = Outcome(repetitions=2 if run.quick else 5, limit=25.0)
    with run.site() as site:
        proxy = site.with_proxy()
        site.with_api(redis_url=site.url_through(proxy))
        site.with_maintenance()
        site.with_worker(2)
        follower = Follower(site.api, "/events")
        for number in range(outcome.repetitions):
            site.submit(ms=1_000)  # the reader is at work
            proxy.swallow()
            swallowed = time.monotonic()
            wait_until(lambda: site.post("sleep", 10).status_code == 202, 60)
            ends = 2 * (number + 1)
            wait_until(lambda ends=ends: follower.names().count("task.completed") >= ends, 60)
            outcome.recoveries.append(time.monotonic() - swallowed)
            run.say(f"{number + 1}: told after {outcome.recoveries[-1]:.2f} s")
        outcome.settle(site, 30)
        told = [tuple(map(int, each["id"].split("-"))) for each in follower.events if "id" in each]
        outcome.expect(told == sorted(set(told)), "an event came twice or in another order")
        outcome.expect("stream.gap" not in follower.names(), "there was a gap")
    outcome.notes.append("(from the swallowing to the last event)")
    return outcome
