"""Damaged data of the embedded server is explained, and `task-manager repair` repairs it."""

import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import redis

from entrypoints.local.embedded_redis import EmbeddedRedis
from tests.integration.local_stacks import Local, others_may, running
from tests.integration.waiting import PATIENCE, wait_until

pytestmark = pytest.mark.usefixtures("no_settings")


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

        wait_until(lambda: "task-manager repair" in stack.output)

        assert re.search(r"redis +failed \d+ times in a row", stack.output)
