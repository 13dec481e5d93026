"""Rows about processes that are killed, crash, are told to stop, or have a wrong clock."""

import signal
import time

from tests.chaos.faults import hostile_handlers, killed, killed_child, killed_with_children, lost
from tests.chaos.journal import Execution
from tests.chaos.row import Outcome, Run, row
from tests.chaos.site import ChaosWorker, Site, pause
from tests.chaos.submitter import Submitter
from tests.integration.waiting import wait_until


@row("F-01", "none, tasks of 10 ms")
def no_fault(run: Run) -> Outcome:
    outcome = Outcome(repetitions=1)
    with run.site() as site:
        site.with_maintenance()
        site.with_worker(2)
        site.flood(run.times(5_000), ms=10)
        outcome.settle(site, 120)
        outcome.expect_one_run_each(site)
    return outcome


@row("F-02", "SIGKILL a child in user code, concurrency 2")
def kill_children(run: Run) -> Outcome:
    return _kill_children(run, 2)


@row("F-02a", "SIGKILL a child in user code, concurrency 1")
def kill_the_only_child(run: Run) -> Outcome:
    return _kill_children(run, 1)


def _kill_children(run: Run, concurrency: int) -> Outcome:
    outcome = Outcome(repetitions=run.times(50), limit=2.0)
    with run.site() as site:
        site.with_api()
        site.with_worker(concurrency)
        for number in range(outcome.repetitions):
            if concurrency > 1:
                site.submit(ms=300)
            runs = site.begin(1, ms=400)
            pause(0, 0.1)
            with killed_child(runs[0]) as kill:
                [again] = site.again(runs, seconds=30)
            outcome.recoveries.append(again.started - kill.began)
            run.say(f"{number + 1} killed, again after {outcome.recoveries[-1]:.2f} s")
        outcome.settle(site, 30)
    return outcome


@row("F-03", "SIGKILL the worker parent, restarted")
def kill_and_restart_the_parent(run: Run) -> Outcome:
    outcome = Outcome(repetitions=run.times(20), limit=3.0)
    deaths: list[float] = []
    with run.site() as site:
        worker = site.with_service()
        for number in range(outcome.repetitions):
            runs = site.begin(2, ms=1_000)
            pause(0, 0.3)
            with killed(worker) as kill:
                deaths += [death - kill.began for death in site.deaths(runs, 20)]
            outcome.recoveries += [again.started - kill.ended for again in site.again(runs)]
            run.say(f"{number + 1}: again {max(outcome.recoveries[-2:]):.2f} s after the restart")
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
            victim = site.with_service(4, host="lost")
            runs = site.begin(4, ms=30_000, once="yes")
            site.with_worker(4, host="alive")
            pause(0, 3)
            with lost(victim) as kill:
                again = site.again(runs, seconds=60)
            outcome.recoveries += [each.started - kill.began for each in again]
            run.say(f"round {number + 1}: again after {max(outcome.recoveries):.2f} s")
            outcome.settle(site, 30)
    return outcome


@row("F-05", "crash at each point of claim, run and finish")
def crash_points(run: Run) -> Outcome:
    points = (
        "before_claim",
        "after_claim",
        "before_turn",
        "after_turn",
        "before_finish",
        "after_finish",
    )
    twice = ("before_turn", "before_finish")
    times = run.times(5)
    outcome = Outcome(repetitions=len(points) * times, limit=8.0)
    with run.site() as site:
        site.with_service()
        for number in range(times):
            for point in points:
                armed = site.arm(point)
                began = time.monotonic()
                # A long one is the last of its wake-up, and so reaches `finish`.
                task_id = site.submit(ms=1_200 if "finish" in point else 10)
                wait_until(lambda armed=armed: not armed.exists(), 10)
                site.settle(30, [task_id])
                outcome.recoveries.append(time.monotonic() - began)
                runs, expected = len(site.journal.of(task_id)), 2 if point in twice else 1
                outcome.expect(runs == expected, f"{point}: {runs} executions, not {expected}")
            run.say(f"{number + 1} of {times}")
        outcome.settle(site, 30)
    outcome.notes.append("(from submit to final)")
    return outcome


@row("F-05a", "kill -9 of the API during submits")
def kill_the_api(run: Run) -> Outcome:
    outcome = Outcome(repetitions=run.times(10))
    with run.site() as site:
        site.with_service()
        with Submitter(site, threads=4):
            for number in range(outcome.repetitions):
                goal = len(site.accepted) + 30
                wait_until(lambda goal=goal: len(site.accepted) >= goal, 30)
                pause(0, 0.1)
                with killed_with_children(site.api):
                    run.say(f"{number + 1} killed, {len(site.accepted)} accepted")
        outcome.settle(site, 30)
    return outcome


@row("F-06", "SIGKILL the parent right after the broker's pop of a wake-up, another worker alive")
def die_with_a_wake_up(run: Run) -> Outcome:
    outcome = Outcome(repetitions=run.times(10), limit=2.0)
    with run.site() as site:
        workers = [site.with_service(1), site.with_worker(1)]
        for number in range(outcome.repetitions):
            armed = site.arm("after_pop")
            submitted = time.monotonic()
            task_id = site.submit(ms=10)
            wait_until(lambda armed=armed: not armed.exists(), 15)
            started = site.journal.wait_start(task_id, seconds=30).started
            outcome.recoveries.append(started - submitted)
            run.say(f"{number + 1} died with a wake-up, work after {outcome.recoveries[-1]:.2f} s")
            wait_until(lambda pair=workers: any(each.has_ended for each in pair), 10)
            workers = [each for each in workers if not each.has_ended]
            workers.append(site.with_worker(1))
        outcome.settle(site, 30)
    outcome.notes.append("(from submit to start)")
    return outcome


@row("F-20", "a task that always crashes among 100 that don't")
def crash_for_ever(run: Run) -> Outcome:
    outcome = Outcome(repetitions=run.times(5))
    with run.site() as site:
        site.with_api()
        site.with_worker(2)
        for number in range(outcome.repetitions):
            good = site.flood(50, ms=10)
            with hostile_handlers(site, "crash", 1) as [crashing]:
                good += site.flood(50, ms=10)
            bad = crashing.task_id
            site.settle(30, good)
            task, executions = site.task(bad), len(site.journal.of(bad))
            outcome.expect(executions == 4, f"{executions} executions, not 4")
            lost_for_good = bool(task.error and task.error.code == "worker_lost")
            outcome.expect(lost_for_good, f"ended as {task.status}")
            done = sum(each.status == "COMPLETED" for each in site.tasks(good).values())
            outcome.expect(done == 100, f"{done} of the 100 completed")
            run.say(f"{number + 1} done")
        outcome.settle(site, 30)
    return outcome


@row("F-26", "a worker's clock 10 min fast, then slow; lease 3 s")
def wrong_clock(run: Run) -> Outcome:
    steps = ("600",) if run.quick else ("600", "-600")
    outcome = Outcome(repetitions=len(steps))
    with run.site(lease=3) as site:
        site.with_api()
        site.with_maintenance()
        for step in steps:
            worker = site.with_worker(2, environment={"CHAOS_CLOCK_STEP": step})
            ids = [site.submit(ms=5_000) for _ in range(2)]
            site.settle(20)
            for task_id in ids:
                outcome.expect(len(site.journal.of(task_id)) == 1, "recovered early")
            worker.stop()
        outcome.settle(site, 20)
    outcome.notes.append("Redis' own clock is not stepped")
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
            site.begin(1, "swallow", ms=20_000, once="yes")
            site.flood(40, ms=100)
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
        outcome.expect_crashes(site, 0)
        outcome.expect(counted == 0, f"{counted} tasks whose handed back run was counted")
    outcome.notes.append(f"exits within {max(exits):.2f} s (4)")
    outcome.expect(max(exits) <= 4, "a worker took longer than grace + 2 s")
    return outcome


@row(
    "F-28",
    "two maintenances, one killed; two workers, one killed: lost host, then same host; lease 3 s",
)
def two_of_each(run: Run) -> Outcome:
    outcome = Outcome(repetitions=run.times(20), limit=5.0)
    with run.site(lease=3) as site:
        site.with_service(host="alive")
        maintenance = site.with_maintenance()
        for number in range(outcome.repetitions):
            same_host = number % 2 == 1
            victim = site.with_worker(1, host="alive" if same_host else f"lost{number}")
            running = _run_of(site, victim)
            with lost(victim) as kill:
                pause(*((0, 0.5) if same_host else (2, 3.5)))
                with killed(maintenance):
                    run.say(f"{number + 1}: worker and maintenance killed")
                [again] = site.again([running], seconds=30)
            outcome.recoveries.append(again.started - kill.began)
            run.say(f"{number + 1}: again after {outcome.recoveries[-1]:.2f} s")
        outcome.settle(site, 30)
        outcome.expect_crashes(site, outcome.repetitions)
        runs, expected = len(site.journal.all()), len(site.accepted) + outcome.repetitions
        outcome.expect(runs == expected, f"{runs} executions, not {expected}")
    return outcome


def _run_of(site: Site, worker: ChaosWorker) -> Execution:
    """Submit until this worker runs something. Returns that run."""
    pids = {child.pid for child in worker.children()}

    def found() -> Execution | None:
        [execution] = site.begin(1, ms=1_500)
        return execution if execution.life.pid in pids else None

    execution = wait_until(found, 30)
    assert execution is not None
    return execution
