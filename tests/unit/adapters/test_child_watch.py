"""The worker's parent knows the processes of its pool."""

import errno
import os
import subprocess
from collections.abc import Iterator
from types import SimpleNamespace

import pytest

from adapters.celery.child_watch import BilliardPool
from adapters.supervision.children import Children

pytestmark = pytest.mark.skipif(not hasattr(os, "pidfd_open"), reason="a pidfd is Linux's")


@pytest.fixture
def sleeper() -> Iterator[subprocess.Popen[bytes]]:
    with subprocess.Popen(["sleep", "600"]) as process:
        yield process
        process.kill()


def test_a_child_that_the_pool_starts_while_its_loop_stands_still_is_known(
    sleeper: subprocess.Popen[bytes],
) -> None:
    """As during an outage of Redis: whoever is not known is killed as left behind by a dead
    child."""
    children, starting = Children(), SimpleNamespace(pid=None)
    pool = SimpleNamespace(_pool=[starting, sleeper], _cache={})
    children.belong_to(BilliardPool(pool))

    children.wait(0)

    assert children.known() == {sleeper.pid}
    assert children.living() == [sleeper.pid]


def pool_of(*processes: object) -> BilliardPool:
    return BilliardPool(SimpleNamespace(_pool=list(processes), _cache={}))


def test_a_child_with_the_process_id_of_a_dead_one_is_watched(
    sleeper: subprocess.Popen[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    children = Children()
    with subprocess.Popen(["sleep", "600"]) as dead:
        children.belong_to(pool_of(dead))
        children.wait(0)
        dead.kill()
        children.wait(60)
        assert children.take_dead() == {dead.pid: -9}
        children.wait(0)  # the pool lists it for a while
        assert children.living() == []

    opened = os.pidfd_open
    monkeypatch.setattr(os, "pidfd_open", lambda pid: opened(sleeper.pid))
    children.belong_to(pool_of(SimpleNamespace(pid=dead.pid)))
    children.wait(0)

    assert children.living() == [dead.pid]


def test_a_child_for_which_no_descriptor_is_left_keeps_no_other_from_being_watched(
    sleeper: subprocess.Popen[bytes],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    opened, unlucky = os.pidfd_open, SimpleNamespace(pid=1)

    def pidfd_open(pid: int) -> int:
        if pid == unlucky.pid:
            raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))
        return opened(pid)

    monkeypatch.setattr(os, "pidfd_open", pidfd_open)
    children = Children()
    children.belong_to(pool_of(unlucky, sleeper))

    for _ in range(3):
        children.wait(0)

    assert children.living() == [sleeper.pid]
    assert children.known() == {unlucky.pid, sleeper.pid}, "what is not known is killed"
    assert [record.action for record in caplog.records] == ["child_unwatched"]


@pytest.mark.parametrize("call", ["pidfd_open", "waitid"])
def test_where_the_system_has_no_pidfds_no_child_is_watched(
    sleeper: subprocess.Popen[bytes],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    call: str,
) -> None:
    def refuse(*_: object) -> None:
        raise OSError(errno.ENOSYS, os.strerror(errno.ENOSYS))

    monkeypatch.setattr(os, call, refuse)
    children = Children()
    children.belong_to(pool_of(sleeper))

    children.wait(0)

    assert not children.are_watched
    assert [record.action for record in caplog.records] == ["children_unwatched"]
