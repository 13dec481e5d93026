"""The embedded server of `task-manager local`: only its user reaches it, and its data can be
repaired.
"""

import contextlib
import errno
import os
import re
import shutil
import signal
import socket
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
import redis
import requests
from celery import Celery

from entrypoints.local.data_directory import DataDirectory
from entrypoints.local.embedded_redis import EmbeddedRedis
from entrypoints.settings import InvalidSettings
from tests.integration.processes import ServiceProcess, free_port
from tests.integration.waiting import PATIENCE, wait_until

READY = re.compile(r"Task Manager API is ready: (http://\S+)")


class Local(ServiceProcess):
    def __init__(self, log: Path, data_dir: Path, **settings: object) -> None:
        super().__init__(
            "local",
            log,
            **{
                "http_port": free_port(),
                "http_workers": 1,
                "worker_concurrency": 1,
                "data_dir": data_dir,
                **settings,
            },
        )

    def url(self) -> str:
        return str(wait_until(lambda: READY.search(self.output)).group(1))


@contextlib.contextmanager
def running(server: EmbeddedRedis) -> Iterator[subprocess.Popen[bytes]]:
    """Start the server, and end it. It writes what it has replied before it ends."""
    process = server.start()
    try:
        wait_until(server.is_ready)
        yield process
    finally:
        process.terminate()
        process.wait()


def others_may(path: Path) -> list[str]:
    """Return the path and everything below it, if another user may use it."""
    everything = [path, *path.rglob("*")]
    return [str(each) for each in everything if stat.S_IMODE(each.lstat().st_mode) & 0o077]


def test_no_port_is_open_and_only_the_owner_reaches_socket_and_files(tmp_path: Path) -> None:
    with running(EmbeddedRedis(tmp_path / "data")) as process:
        assert psutil.Process(process.pid).net_connections("inet") == []
        assert others_may(tmp_path / "data") == []
        assert stat.S_ISSOCK((tmp_path / "data" / "redis.sock").stat().st_mode)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
def test_another_user_reaches_neither_the_server_nor_its_files() -> None:
    with tempfile.TemporaryDirectory() as parent:
        Path(parent).chmod(0o755)
        folder = Path(parent, "data")
        with running(EmbeddedRedis(folder)):
            for mode in (0o700, 0o755):  # the files are private even if the folder is open
                folder.chmod(mode)
                with as_user(4242), socket.socket(socket.AF_UNIX) as connection:
                    with pytest.raises(PermissionError):
                        connection.connect(str(folder / "redis.sock"))
                    with pytest.raises(PermissionError):
                        (folder / "server.log").read_text()


@contextlib.contextmanager
def as_user(number: int) -> Iterator[None]:
    os.seteuid(number)
    try:
        yield
    finally:
        os.seteuid(0)


def test_a_deep_data_directory_has_its_socket_in_a_private_temporary_folder(tmp_path: Path) -> None:
    deep = tmp_path / ("long" * 20) / ("deep" * 20)
    server = EmbeddedRedis(deep)
    with running(server), redis.Redis.from_url(server.url) as client:
        client.set("kept", 1)
    with running(server):  # again, at the same place
        with redis.Redis.from_url(server.url) as client:
            assert client.get("kept") == b"1"
        place = Path(server.url.removeprefix("unix://").partition("?")[0])
        assert len(bytes(place)) <= 103
        assert stat.S_IMODE(place.parent.stat().st_mode) == 0o700
    server.discard()
    assert not place.parent.exists()


NAMES = [
    "with space",
    "per%cent",
    'quo"te',
    "back\\slash",
    "plus+é",
    "line\nend",
    "es\x1b[31mcape",
    "no\udcffutf8",
]


@pytest.mark.parametrize("name", NAMES)
def test_any_name_of_a_data_directory_can_be_used(tmp_path: Path, name: str) -> None:
    server = EmbeddedRedis(tmp_path / name)
    with running(server), redis.Redis.from_url(server.url) as client:
        assert client.ping()
    server.discard()


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


def test_a_running_stack_is_private_and_writes_its_url_into_a_file(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    folder.mkdir(mode=0o755)
    with Local(tmp_path / "log", folder) as stack:
        url = stack.url()
        answer = requests.post(
            f"{url}/tasks", json={"task_name": "test", "duration": 1}, timeout=PATIENCE
        )
        task_id = answer.json()["task_id"]
        backend = (
            "adapters.celery.result_backend:TaskResultBackend+"
            + (folder / "redis.url").read_text().strip()
        )

        result = Celery("shop", backend=backend, set_as_current=False).AsyncResult(task_id)

        assert result.get(timeout=PATIENCE) == "Task completed in 1 seconds"
        assert f"{folder} (its file redis.url has the URL for other programs)" in stack.output
        assert list((folder / "workers").iterdir())
        assert others_may(folder) == []
        assert stack.stop() == 0
    assert not (folder / "redis.url").exists()


def test_a_small_limit_of_memory_closes_the_api_for_new_tasks(tmp_path: Path) -> None:
    with Local(
        tmp_path / "log", tmp_path / "data", embedded_max_memory_mb=16, worker_concurrency=1
    ) as stack:
        url = stack.url()
        body = {
            "task_name": "test",
            "duration": 3600,
            "labels": {f"l{i}": "x" * 200 for i in range(16)},
        }
        codes = set()
        for _ in range(60):
            answer = requests.post(
                f"{url}/tasks/batch", json={"tasks": [body] * 50}, timeout=PATIENCE
            )
            codes.add(answer.status_code)
            if answer.status_code != 202:
                break

        assert codes == {202, 503}
        assert answer.json()["code"] == "capacity"
        assert requests.get(f"{url}/tasks", timeout=PATIENCE).ok


class TestDamagedData:
    @pytest.fixture
    def folder(self, tmp_path: Path) -> Path:
        """Return a folder with 100 keys, damaged in the middle."""
        server = EmbeddedRedis(tmp_path / "data")
        with running(server), redis.Redis.from_url(server.url) as client:
            for number in range(100):
                client.set(f"key{number:02}", "v" * 50)
        with self.commands(tmp_path / "data").open("r+b") as commands:
            commands.seek(4_000)
            commands.write(b"\x00\x1b[31mgarbage\x00")
        return tmp_path / "data"

    @staticmethod
    def commands(folder: Path) -> Path:
        [path] = (folder / "appendonlydir").glob("*.incr.aof")
        return path

    def test_the_stack_says_so_with_the_repair_command_and_ends(
        self, folder: Path, tmp_path: Path
    ) -> None:
        with Local(tmp_path / "log", folder) as stack:
            assert stack.exit_code() == 1

            assert "redis cannot start (exit code 1)" in stack.output
            assert "Bad file format" in stack.output
            assert f"TASKS_DATA_DIR={folder} task-manager repair" in stack.output
            assert "starting it again" not in stack.output
            assert "\x1b" not in stack.output

    def test_it_is_repaired_after_a_copy_was_kept(self, folder: Path) -> None:
        size = self.commands(folder).stat().st_size

        done = run("repair", folder)

        assert done.returncode == 0, done.stdout + done.stderr
        cut = int(re.search(r"Cut (\d+) bytes", done.stdout)[1])
        assert cut == size - self.commands(folder).stat().st_size > 3_000
        copy = folder / "appendonlydir.damaged-1"
        assert self.commands(folder).name in {path.name for path in copy.iterdir()}
        assert (copy / self.commands(folder).name).stat().st_size == size
        assert others_may(copy) == []
        server = EmbeddedRedis(folder)
        with running(server), redis.Redis.from_url(server.url) as client:
            assert 40 < client.dbsize() < 60
            assert client.exists("key00", "key40") == 2

    def test_undamaged_data_stays_unchanged(self, folder: Path) -> None:
        run("repair", folder)

        again = run("repair", folder)

        assert again.returncode == 0
        assert "Nothing to repair" in again.stdout
        assert not (folder / "appendonlydir.damaged-2").exists()

    def test_a_folder_without_tasks_is_distinguished_from_undamaged_data(
        self, tmp_path: Path
    ) -> None:
        done = run("repair", tmp_path / "misspelt")

        assert done.returncode == 1
        assert "There are no stored tasks in" in done.stderr

    def test_data_that_cannot_be_repaired_is_named_and_stays_in_a_copy(self, folder: Path) -> None:
        [base] = (folder / "appendonlydir").glob("*.base.rdb")
        with base.open("r+b") as file:
            file.seek(20)
            file.write(b"\xff" * 8)

        done = run("repair", folder)

        assert done.returncode == 1
        assert "cannot be repaired" in done.stderr
        assert "Restore" in done.stderr
        assert "task-manager repair" not in done.stderr
        assert (folder / "appendonlydir.damaged-1").is_dir()

    def test_a_damaged_manifest_cuts_no_file_elsewhere(self, folder: Path) -> None:
        elsewhere = folder.parent / "mine.txt"
        elsewhere.write_text("mine")
        [manifest] = (folder / "appendonlydir").glob("*.manifest")
        manifest.write_text(
            manifest.read_text().replace(self.commands(folder).name, "../../mine.txt")
        )

        done = run("repair", folder)

        assert done.returncode == 1
        assert elsewhere.read_text() == "mine"

    def test_data_that_cannot_be_read_for_another_reason_stays_unchanged(
        self, folder: Path
    ) -> None:
        before = self.commands(folder).read_bytes()
        shutil.move(folder / "appendonlydir", folder / "elsewhere")
        (folder / "appendonlydir").touch()

        done = run("repair", folder)

        assert done.returncode == 1
        assert "The tasks were not changed" in done.stderr
        assert (folder / "elsewhere" / "appendonly.aof.1.incr.aof").read_bytes() == before
        assert not (folder / "appendonlydir.damaged-1").exists()

    def test_a_cut_off_tail_needs_no_repair(self, folder: Path) -> None:
        shutil.rmtree(folder)
        server = EmbeddedRedis(folder)
        with running(server), redis.Redis.from_url(server.url) as client:
            client.set("first", 1)
            client.set("second", 1)
        with self.commands(folder).open("r+b") as commands:
            commands.truncate(self.commands(folder).stat().st_size - 5)

        with running(server), redis.Redis.from_url(server.url) as client:
            assert set(client.keys()) == {b"first"}


def run(command: str, folder: Path) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "TASKS_DATA_DIR": str(folder)}
    arguments = [sys.executable, "-m", "entrypoints.cli", command]
    return subprocess.run(
        arguments, env=environment, capture_output=True, text=True, timeout=PATIENCE, check=False
    )


def test_a_server_that_dies_again_and_again_is_explained(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    with Local(tmp_path / "log", folder) as stack:
        stack.url()
        [path] = (folder / "appendonlydir").glob("*.incr.aof")
        os.kill(
            int(re.search(r"redis +started \(process (\d+)\)", stack.output)[1]), signal.SIGSTOP
        )
        with path.open("ab") as commands:
            commands.write(b"garbage\r\n" * 10)
        os.kill(
            int(re.search(r"redis +started \(process (\d+)\)", stack.output)[1]), signal.SIGKILL
        )

        wait_until(lambda: "times in a row" in stack.output)

        assert re.search(r"redis +failed \d+ times in a row", stack.output)
        assert "task-manager repair" in stack.output


def test_start_without_room_for_so_much_memory_is_refused(tmp_path: Path) -> None:
    with Local(tmp_path / "log", tmp_path / "data", embedded_max_memory_mb=1024 * 1024) as stack:
        assert stack.exit_code() == 2
        assert (
            "TASKS_EMBEDDED_MAX_MEMORY_MB is 1048576, but this machine or container has"
            in stack.output
        )


@pytest.fixture(autouse=True)
def no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("TASKS_")]:
        monkeypatch.delenv(name)
