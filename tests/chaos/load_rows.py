"""Rows about callers and load: cancels, changes, wake-ups, many tasks."""

import itertools
import random
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import requests

from tests.chaos.background import Background
from tests.chaos.faults import killed, stopped
from tests.chaos.row import Outcome, Run, row
from tests.chaos.site import Site, pause
from tests.integration.waiting import wait_until

FINAL_EVENTS = {b"task.completed", b"task.failed", b"task.cancelled", b"task.expired"}


@row("F-23", "cancel at random moments")
def cancel_at_random(run: Run) -> Outcome:
    outcome = Outcome(repetitions=run.times(500), limit=4.0)
    with run.site() as site:
        site.with_service(4)
        asked: dict[str, float] = {}

        def submit_and_cancel(_: int) -> None:
            with requests.Session() as session:
                task_id = site.post("tick", ms=random.randint(0, 600), session=session).json()[
                    "task_id"
                ]
                pause(0, 0.6)
                asked[task_id] = time.monotonic()
                session.post(site.url(f"/tasks/{task_id}/cancel"), timeout=30)

        with ThreadPoolExecutor(max_workers=8) as threads:
            list(threads.map(submit_and_cancel, range(outcome.repetitions)))
        outcome.settle(site, 60)
        for task_id, moment in asked.items():
            runs = site.journal.of(task_id)
            outcome.recoveries += [
                each.over - moment for each in runs if each.started < moment < each.over
            ]
        tasks = site.tasks()
        both = [
            task
            for task in tasks.values()
            if task.result is not None and task.status != "COMPLETED"
        ]
        outcome.expect(not both, f"{len(both)} have a result and are not COMPLETED")
        ends = _final_events(site)
        outcome.expect(max(ends.values()) == 1, "a task ended twice")
        statuses = Counter(str(task.status) for task in tasks.values())
        outcome.notes.append(f"(from cancel to the end of the run) {dict(statuses)}")
    return outcome


def _final_events(site: Site) -> Counter[bytes]:
    events = site.server.client.xrange("tm:events")
    return Counter(fields[b"id"] for _, fields in events if fields[b"event"] in FINAL_EVENTS)


@row("F-24", "PATCH of labels, progress and logs during runs")
def change_while_it_runs(run: Run) -> Outcome:
    outcome = Outcome(repetitions=run.times(500))
    with run.site() as site:
        site.with_service(4)
        patched: set[str] = set()

        def patch(ended: threading.Event) -> None:
            numbers = itertools.count(1)
            with requests.Session() as session:
                while not ended.is_set():
                    for each in [run for run in site.journal.all()[-200:] if run.ended is None]:
                        url, body = (
                            site.url(f"/tasks/{each.task_id}"),
                            {"labels": {"seen": str(next(numbers))}},
                        )
                        if session.patch(url, json=body, timeout=10).ok:
                            patched.add(each.task_id)

        with Background([patch, patch]):
            site.flood(outcome.repetitions, do="report", ms=150)
            outcome.settle(site, 90)
        tasks = site.tasks()
        kept = sum(task.status == "COMPLETED" and task.attempt == 1 for task in tasks.values())
        labelled = sum("seen" in tasks[task_id].spec.labels for task_id in patched)
        outcome.expect(
            kept == len(tasks), f"{len(tasks) - kept} results were not kept at the first run"
        )
        outcome.expect(labelled == len(patched), f"{len(patched) - labelled} patches were lost")
        outcome.notes.append(f"{len(patched)} of them patched in their run")
    return outcome


@row("F-30", "all wake-ups deleted, workers idle")
def delete_wake_ups(run: Run) -> Outcome:
    outcome = Outcome(repetitions=run.times(20), limit=2.0)
    with run.site() as site:
        site.with_maintenance()
        worker = site.with_worker(2)
        for number in range(outcome.repetitions):
            with stopped([worker.pid]) as stop:  # or it would be faster than the fault
                site.flood(20, ms=10)
                site.server.client.delete(site.wake_up.list_key)
            first = site.journal.first_start(after=stop.ended, seconds=30)
            outcome.recoveries.append(first - stop.ended)
            run.say(f"{number + 1}: work after {outcome.recoveries[-1]:.2f} s")
            site.settle(30)
        outcome.settle(site, 30)
        outcome.expect_one_run_each(site)
    return outcome


@row("F-30a", "a flood of 10,000 wake-ups")
def flood_of_wake_ups(run: Run) -> Outcome:
    outcome = Outcome(repetitions=run.times(5), limit=2.0)
    with run.site() as site:
        site.with_maintenance()
        site.with_worker(2)
        client = site.server.client
        for number in range(outcome.repetitions):
            wake_ups = [
                site.wake_up.template.replace(b"@NUMBER@", b"%d" % each) for each in range(10_000)
            ]
            client.lpush(site.wake_up.list_key, *wake_ups)
            flooded = time.monotonic()
            site.flood(50, ms=20)
            outcome.recoveries.append(site.journal.first_start(after=flooded, seconds=60) - flooded)
            site.settle(60)
            run.say(f"{number + 1}: work after {outcome.recoveries[-1]:.2f} s")
        outcome.settle(site, 30)
        outcome.expect_one_run_each(site)
    return outcome


@row("F-30b", "the worker parent killed and restarted while very many tasks wait")
def kill_with_many_waiting(run: Run) -> Outcome:
    outcome = Outcome(repetitions=3 if run.quick else 10, limit=2.0)
    with run.site() as site:
        site.with_maintenance()
        site.flood(10_000 if run.quick else 100_000)
        worker = site.with_worker(2)
        for number in range(outcome.repetitions):
            pause(0.2, 1)
            with killed(worker) as kill:
                run.say(f"{number + 1} killed")
            first = site.journal.first_start(after=kill.ended, seconds=60)
            outcome.recoveries.append(first - kill.ended)
            run.say(f"{number + 1}: work {outcome.recoveries[-1]:.2f} s after the restart")
        outcome.settle(site, 240)
        twice = sum(len(site.journal.of(task_id)) > 1 for task_id in site.accepted)
        expected = 2 * outcome.repetitions
        outcome.expect(twice <= expected, f"{twice} tasks ran twice, more than were killed")
    return outcome


@row("F-30c", "long tasks for 50 idle children")
def long_tasks(run: Run) -> Outcome:
    outcome = Outcome(repetitions=1, limit=2.0)
    with run.site() as site:
        site.with_maintenance()
        site.with_worker(25)
        site.with_worker(25)
        wait_until(lambda: site.server.client.zcard("tm:alive:worker") == 2)
        began = time.monotonic()
        site.flood(run.times(1_000), ms=2_500)
        site.running(50, 30)
        outcome.recoveries.append(time.monotonic() - began)
        outcome.settle(site, 120)
        outcome.notes.append("(until all 50 are busy)")
    return outcome
