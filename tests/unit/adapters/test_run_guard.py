"""The guard of a worker's runs goes on, whatever fails in one of its looks."""

import errno
import os
import signal
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from adapters.celery.child_watch import BilliardPool
from adapters.supervision.children import Children
from adapters.supervision.run_guard import CUT_OFF_SHARE, RunGuard
from application.errors import StoreUnconfirmed
from tests.integration.waiting import wait_until

pytestmark = pytest.mark.skipif(not hasattr(os, "pidfd_open"), reason="a pidfd is Linux's")

LEASE = timedelta(seconds=3)


class Runs:
    """Stands for the use cases of a worker, and for the lock of its host."""

    def __init__(self) -> None:
        self.crashes: dict[str, str] = {}
        self.handed_back: list[str] = []
        self.failing: set[str] = set()
        self.children_are_cut_off = False
        self.looks = 0

    def execute(self, owners: Sequence[str]) -> Sequence[Any]:
        self._may_fail("watch")
        return []

    def lost(self, owners: Sequence[str]) -> Sequence[Any]:
        self._may_fail("lost")
        return []

    def cut_off(self, owners: Sequence[str]) -> Sequence[Any]:
        self.handed_back += owners
        return []

    def crashed(self, causes: Mapping[str, str]) -> Sequence[Any]:
        self.crashes |= causes
        return []

    def crashed_under(self, owner_prefix: str) -> Sequence[Any]:
        return []

    def dead(self) -> Sequence[str]:
        self.looks += 1
        self._may_fail("node")
        return []

    def require_store(self) -> None:
        if self.children_are_cut_off:
            raise StoreUnconfirmed("0 of 1 replicas")

    def _may_fail(self, step: str) -> None:
        if step in self.failing:
            raise OSError(errno.EROFS, os.strerror(errno.EROFS))


@pytest.fixture
def runs() -> Runs:
    return Runs()


@pytest.fixture
def child() -> Iterator[subprocess.Popen[bytes]]:
    with subprocess.Popen(["sleep", "600"], start_new_session=True) as process:
        yield process
        process.kill()


@pytest.fixture
def guard(
    runs: Runs, child: subprocess.Popen[bytes], monkeypatch: pytest.MonkeyPatch
) -> Iterator[RunGuard]:
    children = Children()
    children.belong_to(BilliardPool(SimpleNamespace(_pool=[child], _cache={})))
    guard = RunGuard(
        children=children,
        watch=runs,
        release=runs,
        node=runs,
        owner_of=lambda pid: f"a:{pid}",
        lease=LEASE,
        require_store=runs.require_store,
    )
    # It would end what else this process started, such as the Redis server of other tests.
    monkeypatch.setattr(guard, "_orphans", SimpleNamespace(end=bool, start_search=bool))
    guard.start()
    wait_until(lambda: runs.looks)
    yield guard
    guard.stop()


def test_the_run_of_a_child_that_a_real_time_signal_killed_is_released(
    guard: RunGuard, runs: Runs, child: subprocess.Popen[bytes]
) -> None:
    os.kill(child.pid, signal.SIGRTMIN + 1)

    wait_until(lambda: runs.crashes)

    number = int(signal.SIGRTMIN) + 1
    assert runs.crashes == {f"a:{child.pid}": f"Signal {number} ended the process."}
    assert guard.is_alive


@pytest.mark.parametrize("failing", ["watch", "lost", "node"])
def test_a_step_that_always_fails_holds_up_no_other_and_makes_no_outage_of_a_crash(
    guard: RunGuard, runs: Runs, child: subprocess.Popen[bytes], failing: str
) -> None:
    runs.failing.add(failing)
    looks = runs.looks
    wait_until(lambda: runs.looks > looks + 2)  # longer than after which an outage is assumed

    child.kill()

    wait_until(lambda: runs.crashes)
    assert runs.crashes[f"a:{child.pid}"].startswith("SIGKILL ended the process.")
    assert runs.handed_back == []
    assert guard.is_alive


def test_a_child_that_could_not_renew_for_lack_of_replicas_is_no_crash(
    guard: RunGuard, runs: Runs, child: subprocess.Popen[bytes]
) -> None:
    runs.children_are_cut_off = True
    began = time.monotonic()
    cut_off = LEASE.total_seconds() * CUT_OFF_SHARE
    wait_until(lambda: time.monotonic() - began > cut_off + 1)

    child.kill()
    wait_until(lambda: not guard.has_working_child)
    runs.children_are_cut_off = False

    wait_until(lambda: runs.handed_back)
    assert runs.handed_back == [f"a:{child.pid}"]
    assert runs.crashes == {}
