"""Rows about processes that stand still or cannot renew: SIGSTOP, a silent service, a held GIL."""

import re
import time

from tests.chaos.faults import hostile_handlers, stopped
from tests.chaos.journal import Execution
from tests.chaos.row import Outcome, Run, row
from tests.chaos.site import ChaosWorker, Site, kill, pause
from tests.integration.processes import ServiceProcess, free_port
from tests.integration.waiting import wait_until

STARTED = re.compile(r"^(\w+) +started \(process (\d+)\)$", re.MULTILINE)
LEASE_SECONDS = 3


@row("F-07", "SIGSTOP children, then SIGCONT, two of four before their first renewal; lease 15 s")
def stop_children(run: Run) -> Outcome:
    return _stop_and_continue(run, parent=False)


@row("F-08", "SIGSTOP parent and children, then SIGCONT; lease 15 s", in_quick=False)
def stop_a_worker(run: Run) -> Outcome:
    return _stop_and_continue(run, parent=True)


def _stop_and_continue(run: Run, *, parent: bool) -> Outcome:
    outcome = Outcome(repetitions=4, limit=18.0)
    seconds = 20.0 if run.quick else 30.0
    with run.site() as site:
        victim = site.with_service(4, host="stopped")
        runs = _two_renewed_and_two_fresh(site, victim)
        pids = [*([victim.pid] if parent else []), *(each.life.pid for each in runs)]
        with stopped(pids, [each.life for each in runs]) as stop:
            outcome.recoveries += [each.started - stop.began for each in site.again(runs)]
            run.say(
                f"again after {max(outcome.recoveries):.2f} s; continued {seconds} s after the stop"
            )
            wait_until(lambda: time.monotonic() - stop.began > seconds, 60)
        deaths = site.deaths(runs, 10)
        late = [each for each in runs if each.life.last_line > stop.ended]
        outcome.expect(not late, f"{len(late)} runs went on after SIGCONT")
        if parent:
            dead_ms = (max(deaths) - stop.ended) * 1000
            outcome.notes.append(f"dead {dead_ms:.0f} ms after SIGCONT")
        else:
            dead = max(deaths) - stop.began
            outcome.notes.append(f"dead {dead:.1f} s after SIGSTOP, by the parent")
            outcome.expect(max(deaths) < stop.ended, "the parent left a stopped child alive")
        outcome.settle(site, 30)
    return outcome


def _two_renewed_and_two_fresh(site: Site, victim: ChaosWorker) -> list[Execution]:
    """Begin four runs in this worker and start a second worker on another host.

    The lease of two runs was renewed once, which takes 3 s; the others have just begun.
    """
    renewed = time.monotonic() + 4.0
    runs = site.begin(2, "tick", ms=60_000, once="yes")
    site.with_worker(4, host="alive", ready=False)
    wait_until(lambda: time.monotonic() > renewed)
    own = {child.pid for child in victim.children()}
    while len(runs) < 4:
        [fresh] = site.begin(1, "tick", ms=60_000, once="yes")
        if fresh.life.pid in own:
            runs.append(fresh)
        else:
            kill(fresh)
    return runs


@row("F-09", "the GIL held for 20 s in C: plain, with a cancel, with a timeout; lease 15 s")
def hold_the_gil(run: Run) -> Outcome:
    rounds = run.times(2)
    outcome = Outcome(repetitions=rounds * 6)
    plain: list[float] = []
    cancelled: list[float] = []
    timed_out: list[float] = []
    with run.site() as site:
        site.with_service(6)
        for _ in range(rounds):
            with (
                hostile_handlers(site, "gil", 4, ms=20_000, once="yes") as holding,
                hostile_handlers(site, "gil", 2, ms=20_000, once="yes", timeout=3) as limited,
            ):
                asked = [_cancel_later(site, each, outcome) for each in holding[2:]]
                deaths = site.deaths([*holding, *limited], 25)
            runs = [*holding, *limited]
            lived = [death - each.started for death, each in zip(deaths, runs, strict=True)]
            plain += lived[:2]
            cancelled += [death - moment for death, moment in zip(deaths[2:4], asked, strict=True)]
            timed_out += [seconds - 3 for seconds in lived[4:]]
            run.say(
                f"dead: {plain[-1]:.2f} s, cancel {cancelled[-1]:.2f} s, timeout + "
                f"{timed_out[-1]:.2f} s"
            )
            for each in holding[2:]:
                status = site.task(each.task_id).status
                outcome.expect(status == "CANCELLED", "a cancelled one is not CANCELLED")
            for each in limited:
                error = site.task(each.task_id).error
                was_timeout = error is not None and error.code == "timeout"
                outcome.expect(was_timeout, f"not timed out but {error}")
        outcome.settle(site, 30)
    outcome.expect(all(11 <= seconds <= 13 for seconds in plain), "not dead at 12 s ± 1")
    outcome.expect(max(cancelled) <= 4, "a cancel took more than 4 s")
    outcome.expect(max(timed_out) <= 1, "a timeout was late by more than 1 s")
    outcome.notes.append(
        f"dead at {min(plain):.2f} to {max(plain):.2f} s (12 ± 1), {max(cancelled):.2f} s after a "
        f"cancel (4), {max(timed_out):.2f} s after a timeout (1)"
    )
    return outcome


def _cancel_later(site: Site, run: Execution, outcome: Outcome) -> float:
    """Cancel the task of this run. Returns the moment before the request."""
    pause(0.2, 1)
    moment = time.monotonic()
    outcome.expect(site.cancel(run.task_id).status_code == 202, "cancel was not accepted")
    return moment


@row("F-40", "SIGSTOP by the work itself in all four children, while others wait; lease 3 s")
def stop_all_children(run: Run) -> Outcome:
    outcome = Outcome(repetitions=run.times(10), limit=LEASE_SECONDS + 5.0)
    with run.site(lease=LEASE_SECONDS) as site:
        site.with_service(4)
        for number in range(outcome.repetitions):
            with hostile_handlers(site, "stop", 4, once="yes") as runs:
                all_stopped = time.monotonic()
                waiting = site.submit(ms=10)
                started = site.journal.wait_start(waiting, seconds=60).started
                outcome.recoveries.append(started - all_stopped)
                deaths = site.deaths(runs, 30)
                for each, death in zip(runs, deaths, strict=True):
                    each.life.stopped.append((each.started, death))
            run.say(f"{number + 1}: the queue goes on after {outcome.recoveries[-1]:.2f} s")
        outcome.settle(site, 30)
        outcome.expect_crashes(site, 4 * outcome.repetitions)
    outcome.notes.append("(from the stop to the next start)")
    return outcome


@row(
    "F-40a", "SIGSTOP of worker, maintenance, API and server of a local stack, one after the other"
)
def stop_each_service(run: Run) -> Outcome:
    names = ("maintenance", "worker", "api", "redis")
    outcome = Outcome(repetitions=run.times(2) * len(names), limit=30.0)
    directory = run.directory / run.row
    directory.mkdir(parents=True)
    settings = {
        "http_port": free_port(),
        "http_workers": 1,
        "worker_concurrency": 1,
        "data_dir": directory / "data",
    }
    with ServiceProcess(
        "local", directory / "stack.log", lease_seconds=LEASE_SECONDS, **settings
    ) as stack:

        def pid_of(name: str) -> int:
            return int(dict(STARTED.findall(stack.output))[name])

        wait_until(lambda: "is ready" in stack.output, 60)
        for number in range(outcome.repetitions):
            name = names[number % len(names)]
            pid = pid_of(name)
            with stopped([pid]) as stop:
                wait_until(lambda name=name, pid=pid: pid_of(name) != pid, 90)
            outcome.recoveries.append(stop.ended - stop.began)
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
        site.with_service()
        for number in range(outcome.repetitions):
            with hostile_handlers(site, "gil", 1, ms=30_000, seconds=90) as [holding]:
                good = site.submit(ms=10)
            bad = holding.task_id
            outcome.expect(site.settle(90, [good]), "the other task is not final within 90 s")
            error, executions = site.task(bad).error, len(site.journal.of(bad))
            outcome.expect(executions == 4, f"{executions} executions, not 4")
            outcome.expect(site.task(good).status == "COMPLETED", "the other task is not COMPLETED")
            outcome.expect(
                error is not None
                and error.code == "worker_lost"
                and "interpreter lock" in error.message,
                f"the error does not say why: {error}",
            )
            run.say(f"{number + 1}: {error.message if error else ''}")
        outcome.settle(site, 30)
    return outcome
