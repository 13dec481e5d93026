"""Rows about processes: killed, stopped, deaf, told to stop."""

import contextlib
import os
import signal
import time

from tests.chaos.journal import Execution
from tests.chaos.row import Outcome, Run, row
from tests.chaos.site import ChaosWorker, Site, kill, pause
from tests.integration.waiting import wait_until


@row("F-01", "none, tasks of 10 ms")
def no_fault(run: Run) -> Outcome:
    outcome = Outcome(repetitions=1)
    with run.site() as site:
        site.with_maintenance()
        site.with_worker(2)
        site.flood(run.times(5_000), ms=10)
        outcome.settle(site, 120)
        many = sum(len(site.journal.of(task_id)) != 1 for task_id in site.accepted)
        outcome.expect(not many, f"{many} tasks ran not exactly once")
    return outcome


def _kill_children(run: Run, concurrency: int) -> Outcome:
    outcome = Outcome(repetitions=run.times(50), limit=2.0)
    with run.site() as site:
        site.with_api()
        site.with_worker(concurrency)
        for number in range(outcome.repetitions):
            if concurrency > 1:
                site.submit(ms=300)
            victim = site.submit(ms=400)
            execution = site.journal.wait_start(victim)
            pause(0, 0.1)
            killed = kill(execution)
            again = site.journal.wait_start(victim, nth=2, seconds=30)
            outcome.recoveries.append(again.started - killed)
            run.say(f"{number + 1} killed, again after {outcome.recoveries[-1]:.2f} s")
        outcome.settle(site, 30)
    return outcome


@row("F-02", "SIGKILL a child in user code, concurrency 2")
def kill_children(run: Run) -> Outcome:
    return _kill_children(run, 2)


@row("F-02a", "SIGKILL a child in user code, concurrency 1")
def kill_the_only_child(run: Run) -> Outcome:
    return _kill_children(run, 1)


@row("F-03", "SIGKILL the worker parent, restarted")
def kill_and_replace_the_parent(run: Run) -> Outcome:
    outcome = Outcome(repetitions=run.times(20), limit=3.0)
    deaths: list[float] = []
    with run.site() as site:
        site.with_api()
        site.with_maintenance()
        worker = site.with_worker(2)
        for number in range(outcome.repetitions):
            ids = [site.submit(ms=1_000) for _ in range(2)]
            runs = [site.journal.wait_start(task_id) for task_id in ids]
            pause(0, 0.3)
            killed = worker.kill()
            deaths += [site.journal.wait_death(each.life, 20) - killed for each in runs]
            restarted = time.monotonic()
            worker = site.with_worker(2, ready=False)
            again = [site.journal.wait_start(task_id, nth=2, seconds=40) for task_id in ids]
            outcome.recoveries += [each.started - restarted for each in again]
            run.say(f"{number + 1} killed, again {max(outcome.recoveries[-2:]):.2f} s after the restart")
            site.settle(20)
        outcome.settle(site, 30)
    outcome.notes.append(f"children dead within {max(deaths):.2f} s (1)")
    outcome.expect(max(deaths) <= 1.0, "children outlived their parent for more than 1 s")
    return outcome


@row("F-04", "SIGKILL the worker parent, lost host, another alive; lease 15 s")
def lose_a_host(run: Run) -> Outcome:
    rounds = run.times(3)
    outcome = Outcome(repetitions=rounds * 4, limit=18.0)
    for number in range(rounds):
        with run.site(f"site{number}") as site:
            site.with_api()
            site.with_maintenance()
            lost = site.with_worker(4, host="lost")
            ids = [site.submit(ms=30_000, once="yes") for _ in range(4)]
            for task_id in ids:
                site.journal.wait_start(task_id)
            site.with_worker(4, host="alive")
            pause(0, 3)
            killed = lost.kill()
            again = [site.journal.wait_start(task_id, nth=2, seconds=60) for task_id in ids]
            outcome.recoveries += [each.started - killed for each in again]
            run.say(f"round {number + 1}: again after {max(outcome.recoveries):.2f} s")
            outcome.settle(site, 30)
    return outcome


@row("F-05", "crash at each point of claim, run and finish")
def crash_points(run: Run) -> Outcome:
    points = ("before_claim", "after_claim", "before_turn", "after_turn", "before_finish", "after_finish")
    times = run.times(5)
    outcome = Outcome(repetitions=len(points) * times, limit=8.0)
    with run.site() as site:
        site.with_api()
        site.with_maintenance()
        site.with_worker(2)
        for number in range(times):
            for point in points:
                armed = site.arm(point)
                began = time.monotonic()
                task_id = site.submit(ms=1_200 if "finish" in point else 10)  # a long one is the last of its wake-up
                wait_until(lambda armed=armed: not armed.exists(), 10)
                site.settle(30, [task_id])
                outcome.recoveries.append(time.monotonic() - began)
                runs, expected = len(site.journal.of(task_id)), 2 if point in ("before_turn", "before_finish") else 1
                outcome.expect(runs == expected, f"{point}: {runs} executions, not {expected}")
            run.say(f"{number + 1} of {times}")
        outcome.settle(site, 30)
    outcome.notes.append("(from submit to final)")
    return outcome


@row("F-06", "SIGKILL the parent right after the broker's pop of a wake-up, another worker alive")
def die_with_a_wake_up(run: Run) -> Outcome:
    outcome = Outcome(repetitions=run.times(10), limit=2.0)
    with run.site() as site:
        site.with_api()
        site.with_maintenance()
        workers = [site.with_worker(1), site.with_worker(1)]
        for number in range(outcome.repetitions):
            armed = site.arm("after_pop")
            submitted = time.monotonic()
            task_id = site.submit(ms=10)
            wait_until(lambda armed=armed: not armed.exists(), 15)
            outcome.recoveries.append(site.journal.wait_start(task_id, seconds=30).started - submitted)
            run.say(f"{number + 1} died with a wake-up, work after {outcome.recoveries[-1]:.2f} s")
            wait_until(lambda pair=workers: any(worker.process.poll() is not None for worker in pair), 10)
            workers = [worker for worker in workers if worker.process.poll() is None]
            workers.append(site.with_worker(1))
        outcome.settle(site, 30)
    outcome.notes.append("(from submit to start)")
    return outcome


def _stop_and_continue(run: Run, *, parent: bool) -> Outcome:
    outcome = Outcome(repetitions=4, limit=18.0)
    stop_seconds = 20.0 if run.quick else 30.0
    with run.site() as site:
        site.with_api()
        site.with_maintenance()
        stopped = site.with_worker(4, host="stopped")
        early = [site.submit("tick", ms=60_000, once="yes") for _ in range(2)]
        renewed_by = time.monotonic() + 4.0
        runs = [site.journal.wait_start(task_id) for task_id in early]
        site.with_worker(4, host="alive", ready=False)
        wait_until(lambda: time.monotonic() > renewed_by)  # past the first renewal, which comes after 3 s
        own = {child.pid for child in stopped.children()}
        while len(runs) < 4:
            fresh = site.journal.wait_start(site.submit("tick", ms=60_000, once="yes"))
            if fresh.life.pid in own:
                runs.append(fresh)
            else:
                kill(fresh)
        pids = [*([stopped.pid] if parent else []), *(each.life.pid for each in runs)]
        for pid in pids:
            os.kill(pid, signal.SIGSTOP)
        at = time.monotonic()
        again = [site.journal.wait_start(each.task_id, nth=2, seconds=40) for each in runs]
        outcome.recoveries += [each.started - at for each in again]
        run.say(f"again after {max(outcome.recoveries):.2f} s; continued when {stop_seconds} s have passed")
        wait_until(lambda: time.monotonic() - at > stop_seconds, 60)
        continued = time.monotonic()
        for each in runs:
            each.life.stopped.append((at, continued))
        for pid in reversed(pids):
            with contextlib.suppress(ProcessLookupError):  # a parent that goes on kills children that stand still
                os.kill(pid, signal.SIGCONT)
        deaths = [site.journal.wait_death(each.life, 10) for each in runs]
        late = [each for each in runs if each.life.last_line > continued]
        outcome.expect(not late, f"{len(late)} runs went on after SIGCONT")
        if parent:
            outcome.notes.append(f"dead {(max(deaths) - continued) * 1000:.0f} ms after SIGCONT")
        else:
            outcome.notes.append(f"dead {max(deaths) - at:.1f} s after SIGSTOP, by the parent")
            outcome.expect(max(deaths) < continued, "the parent left a stopped child alive")
        outcome.settle(site, 30)
    return outcome


@row("F-07", "SIGSTOP children, then SIGCONT, two of four before their first renewal; lease 15 s")
def stop_children(run: Run) -> Outcome:
    return _stop_and_continue(run, parent=False)


@row("F-08", "SIGSTOP parent and children, then SIGCONT; lease 15 s", in_quick=False)
def stop_a_worker(run: Run) -> Outcome:
    return _stop_and_continue(run, parent=True)


@row("F-09", "the GIL held for 20 s in C: plain, with a cancel, with a timeout; lease 15 s")
def hold_the_gil(run: Run) -> Outcome:
    rounds = run.times(2)
    outcome = Outcome(repetitions=rounds * 6)
    plain: list[float] = []
    cancelled: list[float] = []
    timed_out: list[float] = []
    with run.site() as site:
        site.with_api()
        site.with_maintenance()
        site.with_worker(6)
        for _ in range(rounds):
            ids = [site.submit("gil", ms=20_000, once="yes") for _ in range(4)]
            limited = [site.submit("gil", ms=20_000, once="yes", timeout=3) for _ in range(2)]
            runs = [site.journal.wait_start(task_id) for task_id in ids + limited]
            asked = []
            for task_id in ids[2:]:
                pause(0.2, 1)
                asked.append(time.monotonic())
                outcome.expect(site.cancel(task_id).status_code == 202, "cancel was not accepted")
            deaths = [site.journal.wait_death(each.life, 25) for each in runs]
            lived = [death - each.started for death, each in zip(deaths, runs, strict=True)]
            plain += lived[:2]
            cancelled += [death - moment for death, moment in zip(deaths[2:4], asked, strict=True)]
            timed_out += [seconds - 3 for seconds in lived[4:]]
            run.say(f"dead: {plain[-1]:.2f} s, cancel {cancelled[-1]:.2f} s, timeout + {timed_out[-1]:.2f} s")
            site.settle(20)
            for task_id in ids[2:]:
                outcome.expect(site.task(task_id).status == "CANCELLED", "a cancelled one is not CANCELLED")
            for task_id in limited:
                error = site.task(task_id).error
                outcome.expect(error is not None and error.code == "timeout", f"not timed out but {error}")
        outcome.settle(site, 30)
    outcome.expect(all(11 <= seconds <= 13 for seconds in plain), "not dead at 12 s ± 1")
    outcome.expect(max(cancelled) <= 4, "a cancel took more than 4 s")
    outcome.expect(max(timed_out) <= 1, "a timeout was late by more than 1 s")
    outcome.notes.append(
        f"dead at {min(plain):.2f} to {max(plain):.2f} s (12 ± 1), {max(cancelled):.2f} s after a cancel (4), "
        f"{max(timed_out):.2f} s after a timeout (1)"
    )
    return outcome


@row("F-20", "a task that always crashes among 100 that don't")
def crash_for_ever(run: Run) -> Outcome:
    outcome = Outcome(repetitions=run.times(5))
    with run.site() as site:
        site.with_api()
        site.with_worker(2)
        for number in range(outcome.repetitions):
            good = site.flood(50, ms=10)
            bad = site.submit("crash")
            good += site.flood(50, ms=10)
            site.settle(30)
            task, executions = site.task(bad), len(site.journal.of(bad))
            outcome.expect(executions == 4, f"{executions} executions, not 4")
            outcome.expect(bool(task.error and task.error.code == "worker_lost"), f"ended as {task.status}")
            done = sum(each.status == "COMPLETED" for each in site.tasks(good).values())
            outcome.expect(done == 100, f"{done} of the 100 completed")
            run.say(f"{number + 1} done")
        outcome.settle(site, 30)
    return outcome


@row("F-27", "SIGTERM of all workers under load, one run swallows everything; grace 2 s")
def tell_all_to_stop(run: Run) -> Outcome:
    outcome = Outcome(repetitions=run.times(10))
    exits: list[float] = []
    with run.site() as site:
        site.with_api()
        site.with_maintenance()
        for number in range(outcome.repetitions):
            workers = [site.with_worker(2, shutdown_grace_seconds=2) for _ in range(2)]
            swallowing = site.submit("swallow", ms=20_000, once="yes")
            site.flood(40, ms=100)
            site.journal.wait_start(swallowing)
            pause(0, 0.5)
            told = time.monotonic()
            for worker in workers:
                worker.process.send_signal(signal.SIGTERM)
            for worker in workers:
                code = worker.process.wait(30)
                outcome.expect(code == 0, f"exit code {code}")
                exits.append(time.monotonic() - told)
            run.say(f"{number + 1} stops, {exits[-1]:.2f} s")
        site.with_worker(4)
        outcome.settle(site, 60)
        counted = sum(task.attempt != 1 for task in site.tasks().values())
        outcome.expect(site.crashes() == 0, f"{site.crashes()} crashes counted")
        outcome.expect(counted == 0, f"{counted} tasks whose handed back run was counted")
    outcome.notes.append(f"exits within {max(exits):.2f} s (4)")
    outcome.expect(max(exits) <= 4, "a worker took longer than grace + 2 s")
    return outcome


@row("F-28", "two maintenances, one killed; two workers, one killed: lost host, then same host; lease 3 s")
def two_of_each(run: Run) -> Outcome:
    outcome = Outcome(repetitions=run.times(20), limit=5.0)
    with run.site(lease=3) as site:
        site.with_api()
        site.with_maintenance()
        site.with_worker(2, host="alive")
        maintenance = site.with_maintenance()
        for number in range(outcome.repetitions):
            same_host = number % 2 == 1
            victim = site.with_worker(1, host="alive" if same_host else f"lost{number}")
            execution = _run_of(site, victim)
            killed = victim.kill()
            pause(*((0, 0.5) if same_host else (2, 3.5)))
            os.kill(maintenance.pid, signal.SIGKILL)
            maintenance = site.with_maintenance()
            again = site.journal.wait_start(execution.task_id, nth=2, seconds=30)
            outcome.recoveries.append(again.started - killed)
            run.say(f"{number + 1}: again after {outcome.recoveries[-1]:.2f} s")
        outcome.settle(site, 30)
        crashes, runs = site.crashes(), len(site.journal.all())
        outcome.expect(crashes == outcome.repetitions, f"{crashes} crashes counted")
        expected = len(site.accepted) + outcome.repetitions
        outcome.expect(runs == expected, f"{runs} executions, not {expected}")
    return outcome


def _run_of(site: Site, worker: ChaosWorker) -> Execution:
    """Keeps submitting until that worker runs something."""
    pids = {child.pid for child in worker.children()}

    def found() -> Execution | None:
        execution = site.journal.wait_start(site.submit(ms=1_500))
        return execution if execution.life.pid in pids else None

    execution = wait_until(found, 30)
    assert execution is not None
    return execution
