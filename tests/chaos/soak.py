"""Random faults, one after the other, while tasks flow."""

import argparse
import contextlib
import os
import random
import signal
import time
from collections import Counter
from collections.abc import Callable

import requests

from tests.chaos.proxy import Proxy
from tests.chaos.row import Measure, Outcome, Run
from tests.chaos.site import ChaosWorker, Site
from tests.chaos.store_rows import Submitter, misconf, readonly

LEASE = 3
SETTLE_SECONDS = 180


class Soak:
    """The faults that can come; each ends within a few seconds and leaves two workers and a maintenance."""

    def __init__(self, site: Site, dice: random.Random) -> None:
        self._site, self._dice = site, dice
        self._proxy: Proxy = site.with_proxy()
        self._workers: list[ChaosWorker] = [self._worker(0), self._worker(1)]
        self._maintenance = site.with_maintenance()
        self._names = 2

    def faults(self) -> dict[str, Callable[[], None]]:
        return {
            "kill a child": self._kill_a_child,
            "kill a worker": self._kill_a_worker,
            "stop a worker": self._stop_a_worker,
            "SIGTERM a worker": self._end_a_worker,
            "kill maintenance": self._kill_maintenance,
            "kill Redis": self._kill_redis,
            "CLIENT KILL": self._kill_connections,
            "delete tokens": self._delete_tokens,
            "cut": self._cut,
            "swallow": self._proxy.swallow,
            "lose replies": self._proxy.lose_replies,
            "cancel": self._cancel,
            "READONLY": self._readonly,
            "MISCONF": self._misconf,
        }

    def _worker(self, number: int) -> ChaosWorker:
        """Every other one reaches Redis through the proxy, and every other pair shares a host."""
        through = self._proxy if number % 2 else None
        return self._site.with_worker(
            2, host=f"host{number // 2 % 2}", through=through, ready=False, shutdown_grace_seconds=1
        )

    def _replace(self, index: int) -> None:
        self._workers[index] = self._worker(self._names)
        self._names += 1

    def _kill_a_child(self) -> None:
        children = self._dice.choice(self._workers).children()
        if children:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self._dice.choice(children).pid, signal.SIGKILL)

    def _kill_a_worker(self) -> None:
        index = self._dice.randrange(2)
        self._workers[index].kill()
        self._replace(index)

    def _end_a_worker(self) -> None:
        index = self._dice.randrange(2)
        self._workers[index].stop()
        self._replace(index)

    def _stop_a_worker(self) -> None:
        worker = self._dice.choice(self._workers)
        pids = [worker.pid, *(child.pid for child in worker.children())]
        lives = [life for life in self._site.journal.lives if life.pid in pids and life.died is None]
        for pid in pids:
            os.kill(pid, signal.SIGSTOP)
        stopped = time.monotonic()
        time.sleep(self._dice.uniform(0.5, 2 * LEASE))
        for life in lives:
            life.stopped.append((stopped, time.monotonic()))
        for pid in reversed(pids):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGCONT)

    def _kill_maintenance(self) -> None:
        os.kill(self._maintenance.pid, signal.SIGKILL)
        self._maintenance = self._site.with_maintenance()

    def _kill_redis(self) -> None:
        self._site.server.kill()
        time.sleep(self._dice.uniform(0, LEASE))
        self._site.server.start()

    def _kill_connections(self) -> None:
        self._site.server.client.execute_command("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")

    def _delete_tokens(self) -> None:
        self._site.server.client.delete(self._site.token.list_key)

    def _cut(self) -> None:
        self._proxy.cut()
        time.sleep(self._dice.uniform(0, 2 * LEASE))
        self._proxy.restore()

    def _cancel(self) -> None:
        with contextlib.suppress(requests.RequestException):
            self._site.cancel(self._dice.choice(self._site.accepted[-50:]))

    def _readonly(self) -> None:
        with readonly(self._site.server):
            time.sleep(self._dice.uniform(0, 2))

    def _misconf(self) -> None:
        with misconf(self._site.server):
            time.sleep(self._dice.uniform(0, 2))


def soak(options: argparse.Namespace) -> Measure:
    def measure(run: Run) -> Outcome:
        outcome = Outcome()
        dice = random.Random(options.seed)
        done: Counter[str] = Counter()
        until = time.monotonic() + options.minutes * 60
        with run.site(lease=LEASE, fsync="always") as site:
            site.with_api()
            faults = Soak(site, dice)
            with Submitter(site, threads=2, ms=30) as submitter:
                while time.monotonic() < until:
                    time.sleep(dice.uniform(0.2, 3))
                    name, fault = dice.choice(list(faults.faults().items()))
                    fault()
                    done[name] += 1
                    run.say(f"{sum(done.values())} faults, {len(site.accepted)} accepted; {name}")
            outcome.settle(site, SETTLE_SECONDS)
            statuses = Counter(str(task.status) for task in site.tasks().values())
        outcome.repetitions = sum(done.values())
        outcome.notes.append(f"lease {LEASE} s; {dict(statuses)}; {submitter.refused} submits refused; {dict(done)}")
        return outcome

    return measure
