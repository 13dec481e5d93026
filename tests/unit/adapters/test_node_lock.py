"""A worker counts as dead only when none of its processes lives."""

import fcntl
import os
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from adapters.supervision.node_lock import NodeLock


def test_a_living_worker_is_not_dead_and_neither_am_i(tmp_path: Path) -> None:
    mine, other = NodeLock(tmp_path, "mine"), NodeLock(tmp_path, "other")
    mine.take()
    other.take()

    assert list(mine.dead()) == []


def test_a_worker_is_dead_only_when_its_last_child_is(tmp_path: Path) -> None:
    mine = NodeLock(tmp_path, "mine")
    mine.take()
    inherited = _a_child_that_holds(tmp_path, "other")
    assert list(mine.dead()) == []

    os.close(inherited)

    assert list(mine.dead()) == ["other"]
    assert list(mine.dead()) == []


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere there is one kind of lock")
@pytest.mark.parametrize("unlock", [fcntl.flock, fcntl.lockf])
def test_a_handler_that_unlocks_what_it_inherited_makes_no_worker_look_dead(
    tmp_path: Path, unlock
) -> None:
    mine = NodeLock(tmp_path, "mine")
    mine.take()
    inherited = _a_child_that_holds(tmp_path, "other")

    unlock(inherited, fcntl.LOCK_UN)

    assert list(mine.dead()) == []


def test_a_worker_of_an_earlier_version_is_alive_while_it_has_its_one_lock(tmp_path: Path) -> None:
    mine = NodeLock(tmp_path, "mine")
    mine.take()
    os.close(_a_child_that_holds(tmp_path, "other"))
    (path,) = tmp_path.glob("other@*")
    with path.open() as file:
        fcntl.flock(file, fcntl.LOCK_EX)

        assert list(mine.dead()) == []


def test_a_dead_worker_is_looked_after_again_when_that_failed(tmp_path: Path) -> None:
    mine = NodeLock(tmp_path, "mine")
    mine.take()
    os.close(_a_child_that_holds(tmp_path, "other"))
    dead = mine.dead()
    next(dead)

    with pytest.raises(ConnectionError):
        dead.throw(ConnectionError())

    assert list(mine.dead()) == ["other"]


def test_a_child_that_was_forked_during_a_failed_look_keeps_no_lock_of_a_dead_worker(
    tmp_path: Path,
) -> None:
    mine = NodeLock(tmp_path, "mine")
    mine.take()
    os.close(_a_child_that_holds(tmp_path, "other"))
    dead = mine.dead()
    next(dead)
    child = os.fork()
    if child == 0:
        signal.pause()
    try:
        with pytest.raises(ConnectionError):
            dead.throw(ConnectionError())

        assert list(mine.dead()) == ["other"]
    finally:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)


@pytest.mark.parametrize("removes", [False, True])
def test_a_worker_whose_new_file_another_one_looks_at_takes_its_locks_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, removes: bool
) -> None:
    mine, other = NodeLock(tmp_path, "mine"), NodeLock(tmp_path, "other")
    mine.take()
    opened, looks = os.open, list[Iterator[str]]()

    def open_while_the_other_looks(path: Path, *arguments: int) -> int:
        descriptor = opened(path, *arguments)
        if path.name.startswith("other@") and not looks:
            looks.append(mine.dead())
            assert next(looks[0]) == "other"
            if removes:
                assert list(looks[0]) == []
        return descriptor

    monkeypatch.setattr(os, "open", open_while_the_other_looks)
    monkeypatch.setattr(time, "sleep", lambda _: list(looks[0]))

    other.take()

    assert list(mine.dead()) == []
    assert len(list(tmp_path.glob("other@*"))) == 1


def test_a_worker_of_another_boot_or_host_is_left_to_its_lease(tmp_path: Path) -> None:
    (tmp_path / "other@another-boot.lock").touch()

    assert list(NodeLock(tmp_path, "mine").dead()) == []


def _a_child_that_holds(directory: Path, incarnation: str) -> int:
    """The lock of a worker whose parent is gone, as a descriptor that one of its children
    inherited."""
    lock = NodeLock(directory, incarnation)
    lock.take()
    inherited = os.dup(lock._descriptor)
    os.close(lock._descriptor)
    return inherited
