"""Rows about processes that stand still or cannot renew: SIGSTOP by the work itself, a silent service, a held GIL."""

import os
import re
import signal
import time

from tests.chaos.row import Outcome, Run, row
from tests.integration.processes import ServiceProcess, free_port
from tests.integration.waiting import wait_until

STARTED = re.compile(r"^(\w+) +started \(process (\d+)\)$", re.MULTILINE)
LEASE_SECONDS = 3


@row("F-40", "SIGSTOP by the work itself in all four children, while others wait; lease 3 s")
def stop_all_children(run: Run) -> Outcome:
    outcome = Outcome(repetitions=run.times(10), limit=LEASE_SECONDS + 5.0)
    with run.site(lease=LEASE_SECONDS) as site:
        site.with_api()
        site.with_maintenance()
        site.with_worker(4)
        for number in range(outcome.repetitions):
            stopping = [site.submit("stop", once="yes") for _ in range(4)]
            runs = [site.journal.wait_start(task_id) for task_id in stopping]
            stopped = time.monotonic()
            waiting = site.submit(ms=10)
            outcome.recoveries.append(site.journal.wait_start(waiting, seconds=60).started - stopped)
            deaths = [site.journal.wait_death(each.life, 30) for each in runs]
            for each, death in zip(runs, deaths, strict=True):
                each.life.stopped.append((each.started, death))
            outcome.expect(site.settle(30, stopping), "a task whose process was stopped is not final")
            run.say(f"{number + 1}: the queue goes on after {outcome.recoveries[-1]:.2f} s")
        outcome.settle(site, 30)
        crashes = site.crashes()
        outcome.expect(crashes == 4 * outcome.repetitions, f"{crashes} crashes counted")
    outcome.notes.append("(from the stop to the next start)")
    return outcome


@row("F-40a", "SIGSTOP of worker, maintenance, API and server of a local stack, one after the other")
def stop_each_service(run: Run) -> Outcome:
    names = ("maintenance", "worker", "api", "redis")
    outcome = Outcome(repetitions=run.times(2) * len(names), limit=30.0)
    directory = run.directory / run.row
    directory.mkdir(parents=True)
    settings = {"http_port": free_port(), "http_workers": 1, "worker_concurrency": 1, "data_dir": directory / "data"}
    with ServiceProcess("local", directory / "stack.log", lease_seconds=LEASE_SECONDS, **settings) as stack:

        def pid_of(name: str) -> int:
            return int(dict(STARTED.findall(stack.output))[name])

        wait_until(lambda: "is ready" in stack.output, 60)
        for number in range(outcome.repetitions):
            name = names[number % len(names)]
            pid = pid_of(name)
            os.kill(pid, signal.SIGSTOP)
            stopped = time.monotonic()
            wait_until(lambda name=name, pid=pid: pid_of(name) != pid, 90)
            outcome.recoveries.append(time.monotonic() - stopped)
            run.say(f"{name}: replaced after {outcome.recoveries[-1]:.2f} s")
        replaced = stack.output.count("(its process is stopped); replacing it")
        outcome.expect(replaced == outcome.repetitions, f"{replaced} replacements were told")
        outcome.expect(stack.stop() == 0, "the stack did not end in order")
    outcome.notes.append("(from the stop to the start of the next process)")
    return outcome


@row("F-41", "the GIL held longer than a lease, each time; lease 6 s")
def hold_the_gil_for_ever(run: Run) -> Outcome:
    outcome = Outcome(repetitions=run.times(5))
    with run.site(lease=2 * LEASE_SECONDS) as site:
        site.with_api()
        site.with_maintenance()
        site.with_worker(2)
        for number in range(outcome.repetitions):
            bad, good = site.submit("gil", ms=30_000), site.submit(ms=10)
            outcome.expect(site.settle(90, [bad, good]), "not final within 90 s")
            error, executions = site.task(bad).error, len(site.journal.of(bad))
            outcome.expect(executions == 4, f"{executions} executions, not 4")
            outcome.expect(site.task(good).status == "COMPLETED", "the other task is not COMPLETED")
            outcome.expect(
                error is not None and error.code == "worker_lost" and "interpreter lock" in error.message,
                f"the error does not say why: {error}",
            )
            run.say(f"{number + 1}: {error.message if error else ''}")
        outcome.settle(site, 30)
    return outcome
