"""The data directory is private to its user, whoever creates it and however it was before."""

import errno
import os
import stat
from pathlib import Path

import pytest

from entrypoints.local.data_directory import DataDirectory
from entrypoints.settings import InvalidSettings
from tests.integration.local_stacks import others_may
from tests.integration.processes import ServiceProcess
from tests.integration.waiting import wait_until

pytestmark = pytest.mark.usefixtures("no_settings")


def test_a_folder_that_was_open_before_is_closed_and_foreign_files_stay_as_they_are(
    tmp_path: Path,
) -> None:
    folder = tmp_path / "data"
    for path in (folder / "appendonlydir", folder / "workers"):
        path.mkdir(parents=True)
    for path in (
        folder / "server.log",
        folder / "appendonlydir" / "a.aof",
        folder / "workers" / "x.lock",
    ):
        path.touch()
        path.chmod(0o644)
    mine = folder / "notes.txt"
    mine.touch()
    mine.chmod(0o644)

    DataDirectory(folder).lock()

    assert others_may(folder) == [str(mine)]


def test_parents_that_are_created_are_closed_whatever_the_umask(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        DataDirectory(tmp_path / "new" / "data").lock()
    finally:
        os.umask(before)

    assert others_may(tmp_path / "new") == []


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a folder to another user")
def test_a_folder_of_another_user_is_refused(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    folder.mkdir()
    os.chown(folder, 4242, 4242)

    with pytest.raises(
        InvalidSettings, match=r"TASKS_DATA_DIR is .* belongs to user 4242, not to you \(user 0\)"
    ):
        DataDirectory(folder).lock()


def test_a_full_disk_is_named_at_the_start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr("entrypoints.local.data_directory.os.write", full)

    with pytest.raises(
        InvalidSettings, match=r"TASKS_DATA_DIR is .* No space left on device. Free some space"
    ):
        DataDirectory(tmp_path / "data").lock()


def test_a_shared_folder_is_refused_and_stays_open(tmp_path: Path) -> None:
    folder = tmp_path / "shared"
    folder.mkdir()
    folder.chmod(0o1777)

    with pytest.raises(InvalidSettings, match="is shared with other users"):
        DataDirectory(folder).lock()

    assert stat.S_IMODE(folder.stat().st_mode) == 0o1777


def test_a_worker_alone_closes_its_folder_and_leaves_a_shared_one_open(
    tmp_path: Path, redis_url: str
) -> None:
    mine, shared = tmp_path / "mine", tmp_path / "shared"
    mine.mkdir(mode=0o755)
    shared.mkdir()
    shared.chmod(0o1777)
    for folder in (mine, shared):
        log = tmp_path / f"{folder.name}.log"
        with ServiceProcess(
            "worker", log, redis_url=redis_url, data_dir=folder, worker_concurrency=1
        ):
            wait_until(lambda folder=folder: list(folder.glob("workers/*.lock")))

    assert others_may(mine) == []
    assert others_may(shared) == [str(shared)]
    assert stat.S_IMODE(shared.stat().st_mode) == 0o1777


def test_a_worker_that_cannot_use_its_folder_says_so(tmp_path: Path, redis_url: str) -> None:
    (tmp_path / "file").touch()

    with ServiceProcess(
        "worker", tmp_path / "log", redis_url=redis_url, data_dir=tmp_path / "file"
    ) as worker:
        assert worker.exit_code() == 2
        assert "TASKS_DATA_DIR is" in worker.output
        assert "Traceback" not in worker.output


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a folder to another user")
def test_a_worker_refuses_a_folder_in_which_another_user_could_forge_locks(
    tmp_path: Path, redis_url: str
) -> None:
    folder = tmp_path / "data"
    (folder / "workers").mkdir(parents=True)
    os.chown(folder / "workers", 4242, 4242)

    with ServiceProcess("worker", tmp_path / "log", redis_url=redis_url, data_dir=folder) as worker:
        assert worker.exit_code() == 2
        assert "'workers' belongs to user 4242, not to you (user 0)" in worker.output
