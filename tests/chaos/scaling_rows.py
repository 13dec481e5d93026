"""Rows about workers that are added and taken away while work waits."""

import random
import signal
import subprocess
import time

from tests.chaos.row import Outcome, Run, row
from tests.chaos.site import ChaosWorker, Site, pause

GRACE = 2
KILLED_AFTER = 12.0
"""Seconds from SIGTERM to SIGKILL, as terminationGracePeriodSeconds of Kubernetes has them."""
MOST_WORKERS = 4


@row("F-52", "workers scaled out and in at random under load; grace 2 s, some tasks take 4 s")
def scale(run: Run) -> Outcome:
    """Tasks that take less than the grace run once; longer ones are handed back, uncounted."""
    outcome, exits = Outcome(repetitions=run.times(30)), list[float]()
    with run.site() as site:
        site.with_api()
        site.with_maintenance()
        workers = [_worker(site, 0)]
        long: list[str] = []
        for number in range(outcome.repetitions):
            long += [site.submit(ms=GRACE * 2_000) for _ in range(2)]
            site.flood(30, ms=100)
            pause(0, 1)
            if len(workers) < 2 or (len(workers) < MOST_WORKERS and random.random() < 0.5):
                workers.append(_worker(site, number + 1))
            else:
                taken = workers.pop(random.randrange(len(workers)))
                exits.append(_take_away(taken, outcome))
            run.say(f"{number + 1}: {len(workers)} workers")
        outcome.settle(site, 120)
        outcome.expect_crashes(site, 0)
        tasks = site.tasks()
        counted = sum(task.attempt != 1 for task in tasks.values())
        outcome.expect(not counted, f"{counted} tasks whose handed back run was counted")
        again = sum(len(site.journal.of(each)) != 1 for each in tasks.keys() - set(long))
        outcome.expect(not again, f"{again} short tasks ran not exactly once")
        handed_back = sum(len(site.journal.of(task_id)) > 1 for task_id in long)
    outcome.notes.append(
        f"{len(exits)} workers taken away, the last exit after {max(exits, default=0):.2f} s; "
        f"{handed_back} of {len(long)} long tasks handed back"
    )
    return outcome


def _worker(site: Site, number: int) -> ChaosWorker:
    """Start a worker on a host of its own, as a pod is."""
    return site.with_worker(2, host=f"pod{number}", shutdown_grace_seconds=GRACE)


def _take_away(worker: ChaosWorker, outcome: Outcome) -> float:
    """Stop a worker as Kubernetes does. Returns the seconds until it had ended."""
    told = time.monotonic()
    worker.process.send_signal(signal.SIGTERM)
    try:
        code = worker.process.wait(KILLED_AFTER)
    except subprocess.TimeoutExpired:
        worker.kill()
        outcome.faults.append("a worker had to be killed")
    else:
        outcome.expect(code == 0, f"exit code {code}")
    return time.monotonic() - told
