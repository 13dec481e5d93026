"""Random faults, one after the other, while random clients use every member of the API.

Storms of faults and calm times take turns. In a calm time no fault explains a restart, an ERROR
line or a failed probe.
"""

import argparse
import contextlib
import os
import random
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable
from typing import Any

from tests.chaos.callers import Callers
from tests.chaos.checker import overlaps
from tests.chaos.faults import cut_off, misconf, readonly, redis_killed, stopped
from tests.chaos.proxy import Proxy
from tests.chaos.random_task import QUEUES
from tests.chaos.row import Measure, Outcome, Run
from tests.chaos.site import ChaosWorker, Site
from tests.chaos.watch import AFTERMATH_SECONDS, Watch
from tests.integration.processes import ServiceProcess
from tests.integration.receiver import SECRET, Receiver, Request, Response
from tests.integration.waiting import wait_until

LEASE = 3
SETTLE_SECONDS = 180
TOLD_SECONDS = 90
STORM_SECONDS, CALM_SECONDS = 40.0, AFTERMATH_SECONDS + 15
SETTINGS: dict[str, object] = {
    "handlers": "tests.integration.work:greet,tests.integration.work:count_to",
    "http_allowed_networks": "127.0.0.1/32",
    "callback_secret": SECRET,
}
EVERYTHING = ("store", "worker", "child", "maintenance", "api")


class Soak:
    """The faults. Each ends within seconds and leaves an API, two workers and a maintenance."""

    def __init__(self, site: Site, watch: Watch, dice: random.Random) -> None:
        self._site, self._watch, self._dice = site, watch, dice
        self._proxy: Proxy = site.with_proxy()
        self._names = 0
        self._workers: list[ChaosWorker] = [self._worker(), self._worker()]
        self._maintenance = self._new_maintenance()

    def one(self) -> str:
        """Cause a random fault and return its name."""
        name, (fault, touches) = self._dice.choice(list(self._faults().items()))
        self._watch.cause(name, touches, fault)
        return name

    def pause(self) -> float:
        """Return the seconds until the next fault."""
        return self._dice.uniform(0.2, 3)

    def _faults(self) -> dict[str, tuple[Callable[[], object], tuple[str, ...]]]:
        """Return each fault with the parts of the service that may show it."""
        workers, linked = ("worker", "child"), ("worker", "child", "store")
        return {
            "kill a child": (self._kill_a_child, ("child",)),
            "kill a worker": (self._kill_a_worker, workers),
            "stop a worker": (self._stop_a_worker, workers),
            "SIGTERM a worker": (self._end_a_worker, workers),
            "kill maintenance": (self._kill_maintenance, ("maintenance",)),
            "kill an API process": (self._kill_an_api_process, ("api",)),
            "kill Redis": (self._kill_redis, EVERYTHING),
            "CLIENT KILL": (self._kill_connections, EVERYTHING),
            "delete wake-ups": (self._delete_wake_ups, ()),
            "cut": (self._cut, linked),
            "swallow": (self._proxy.swallow, linked),
            "lose replies": (self._proxy.lose_replies, linked),
            "READONLY": (self._readonly, EVERYTHING),
            "MISCONF": (self._misconf, EVERYTHING),
        }

    def _worker(self) -> ChaosWorker:
        """Start a worker.

        Every other one reaches Redis through the proxy; every other pair shares a host.
        """
        number, self._names = self._names, self._names + 1
        worker = self._site.with_worker(
            2,
            host=f"host{number // 2 % 2}",
            through=self._proxy if number % 2 else None,
            ready=False,
            shutdown_grace_seconds=1,
            queues=",".join(QUEUES),
            **SETTINGS,
        )
        self._watch.expect(worker, "worker")
        return worker

    def _new_maintenance(self) -> ServiceProcess:
        maintenance = self._site.with_maintenance(**SETTINGS)
        self._watch.expect(maintenance, "maintenance")
        return maintenance

    def _kill_a_child(self) -> None:
        children = self._dice.choice(self._workers).children()
        if children:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self._dice.choice(children).pid, signal.SIGKILL)

    def _kill_a_worker(self) -> None:
        self._replace_a_worker(ChaosWorker.kill)

    def _end_a_worker(self) -> None:
        self._replace_a_worker(ChaosWorker.stop)

    def _replace_a_worker(self, end: Callable[[ChaosWorker], object]) -> None:
        index = self._dice.randrange(2)
        self._watch.release(self._workers[index])
        end(self._workers[index])
        self._workers[index] = self._worker()

    def _kill_an_api_process(self) -> None:
        """Kill one of the processes that gunicorn's parent replaces."""
        with contextlib.suppress(ProcessLookupError):
            os.kill(self._dice.choice(self._site.api.children()).pid, signal.SIGKILL)

    def _stop_a_worker(self) -> None:
        worker = self._dice.choice(self._workers)
        pids = [worker.pid, *(child.pid for child in worker.children())]
        lives = [life for life in self._site.journal.lives if life.pid in pids and not life.died]
        with stopped(pids, lives):
            self._last(0.5, 2 * LEASE)

    def _kill_maintenance(self) -> None:
        self._watch.release(self._maintenance)
        self._maintenance.process.kill()
        self._maintenance = self._new_maintenance()

    def _kill_redis(self) -> None:
        with redis_killed(self._site.server):
            self._last(0, LEASE)

    def _kill_connections(self) -> None:
        self._site.server.kill_connections()

    def _delete_wake_ups(self) -> None:
        for queue in QUEUES:
            self._site.server.client.delete(f"task-manager.work.{queue}")

    def _cut(self) -> None:
        with cut_off(self._proxy):
            self._last(0, 2 * LEASE)

    def _readonly(self) -> None:
        with readonly(self._site.server):
            self._last(0, 2)

    def _misconf(self) -> None:
        with misconf(self._site.server):
            self._last(0, 2)

    def _last(self, shortest: float, longest: float) -> None:
        """Let a fault last for a random time."""
        time.sleep(self._dice.uniform(shortest, longest))


class Mailbox:
    """A receiver of callbacks and of `http` tasks."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.told: set[str] = set()
        """The ids of tasks whose callback came, without hyphens."""
        self.receiver = Receiver(respond=self._respond)

    def _respond(self, request: Request) -> Response:
        kind, _, rest = request.headers.get("webhook-id", "").partition("_")
        if kind == "msg":
            with self._lock:
                self.told.add(rest.partition("_")[0])
        self.receiver.requests.clear()
        return Response()


def soak(options: argparse.Namespace) -> Measure:
    def measure(run: Run) -> Outcome:
        outcome, mailbox, dice = Outcome(), Mailbox(), random.Random(options.seed)
        until = time.monotonic() + options.minutes * 60
        with mailbox.receiver, run.site(lease=LEASE, fsync="always") as site:
            site.with_api(http_workers=2, **SETTINGS)
            watch = Watch(site)
            faults = Soak(site, watch, dice)
            wait_until(lambda: len(site.journal.lives) >= 4, 60)
            url = mailbox.receiver.url
            watch.expect(site.api, "api")
            with Callers(site, url, threads=6, seed=options.seed) as callers, watch:
                while time.monotonic() < until:
                    weather(run, faults, callers, until)
                calm_until(time.monotonic() + CALM_SECONDS)
            outcome.expect(site.settle(SETTLE_SECONDS), "tasks did not become final")
            judge(outcome, site, callers, watch, mailbox)
        done = Counter(fault.name for fault in watch.faults)
        outcome.repetitions = len(watch.faults)
        outcome.notes.append(
            f"lease {LEASE} s; {sum(callers.calls.values())} calls {dict(callers.calls)}; "
            f"{watch.probes} probes; "
            f"{len(callers.refusals)} refused; {dict(done)}"
        )
        return outcome

    return measure


def weather(run: Run, faults: Soak, callers: Callers, until: float) -> None:
    """Let a storm of faults pass, then a calm time."""
    storm_ends = min(time.monotonic() + STORM_SECONDS, until)
    while time.monotonic() < storm_ends:
        time.sleep(faults.pause())
        name = faults.one()
        run.say(
            f"{sum(callers.calls.values())} calls, {len(callers.faults)} wrong responses; {name}"
        )
    calm_until(min(time.monotonic() + CALM_SECONDS, until))


def calm_until(moment: float) -> None:
    wait_until(lambda: time.monotonic() >= moment, CALM_SECONDS + 60, every=0.2)


def judge(outcome: Outcome, site: Site, callers: Callers, watch: Watch, mailbox: Mailbox) -> None:
    """Count what must not be, and name each incident that no fault explains."""
    records = site.tasks()
    deleted = [task_id for task_id in callers.deleted if task_id not in records]
    accepted = set(site.accepted)
    site.accepted = sorted(accepted - set(deleted))
    outcome.tasks = len(accepted)
    outcome.counts = site.counts()
    doubled = sum(overlaps(site.journal.of(task_id)) for task_id in deleted)
    outcome.expect(not doubled, f"{doubled} overlaps of tasks that are deleted by now")

    def excused(line: dict[str, Any]) -> bool:
        return line.get("action") == "task_failed" and line.get("task_id") in callers.failing

    for at, call, reason in callers.refusals:
        watch.note(at, {"api", "store"}, f"{call}: {reason}")
    watch.read_logs(excused)
    unexplained = watch.unexplained()
    outcome.expect(
        not callers.faults, f"{len(callers.faults)} wrong responses: {callers.faults[:3]}"
    )
    outcome.expect(
        not unexplained, f"{len(unexplained)} incidents that no fault explains: {unexplained[:5]}"
    )
    wanted = {
        task_id.replace("-", "")
        for task_id, task in records.items()
        if task.spec.callback_url and task.status.is_final
    }
    with contextlib.suppress(AssertionError):
        wait_until(lambda: wanted <= mailbox.told, TOLD_SECONDS)
    outcome.expect(wanted <= mailbox.told, f"{len(wanted - mailbox.told)} ends were not told")
    outcome.notes.append(str(dict(Counter(str(task.status) for task in records.values()))))
