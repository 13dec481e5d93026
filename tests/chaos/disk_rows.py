"""Rows about the disk of Redis: it fills up while tasks are submitted, and the server is killed."""

import contextlib
import os
import random
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import redis
import requests

from tests.chaos.row import Outcome, Run, row
from tests.chaos.site import Site, pause
from tests.chaos.submitter import Submitter
from tests.integration.processes import ServiceProcess, free_port
from tests.integration.waiting import wait_until

DISK_MIB = 24
MEBIBYTE = 2**20
READY = "Task Manager API is ready"


class SmallDisk:
    """A file system of 24 MiB, mounted while the context is entered; that needs root and Linux."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._ballast = folder / "ballast"

    def __enter__(self) -> "SmallDisk":
        """Raises CannotMount."""
        self.folder.mkdir(parents=True)
        done = subprocess.run(
            ["mount", "-t", "tmpfs", "-o", f"size={DISK_MIB}m,mode=700", "tmpfs", str(self.folder)],
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise CannotMount(done.stderr.strip())
        return self

    def __exit__(self, *_: object) -> None:
        subprocess.run(["umount", "--lazy", str(self.folder)], check=True)

    @property
    def free(self) -> int:
        disk = os.statvfs(self.folder)
        return disk.f_bavail * disk.f_frsize

    def fill(self, leave: int = 0) -> None:
        """Take all space but `leave` bytes."""
        with self._ballast.open("ab") as ballast, contextlib.suppress(OSError):
            while self.free > leave:
                ballast.write(b"\0" * min(65_536, self.free - leave))
                ballast.flush()

    def relieve(self) -> None:
        self._ballast.unlink(missing_ok=True)


class CannotMount(Exception):
    """This user may not mount a file system."""


@contextlib.contextmanager
def small_disk(folder: Path, outcome: Outcome) -> Iterator[SmallDisk | None]:
    """Mount a small disk. Yields None, with a note, when it cannot be mounted."""
    disk = SmallDisk(folder)
    try:
        disk.__enter__()
    except (CannotMount, OSError) as error:
        outcome.notes.append(f"SKIPPED: no file system can be mounted here: {error}")
        yield None
        return
    try:
        yield disk
    finally:
        disk.__exit__()


@row("F-42a", "the disk of Redis fills up under submits, then kill -9; AOF always")
def full_disk_always(run: Run) -> Outcome:
    outcome = Outcome()
    lost = _fill_and_kill(run, outcome, "always")
    outcome.expect(not lost, f"{lost} accepted tasks were lost")
    return outcome


@row(
    "F-42b",
    "the same, AOF everysec, filled at once by another program (a measurement: docs/guarantees.md)",
)
def full_disk_everysec(run: Run) -> Outcome:
    outcome = Outcome()
    _fill_and_kill(run, outcome, "everysec")
    return outcome


def _fill_and_kill(run: Run, outcome: Outcome, fsync: str) -> int:
    """Return how many accepted tasks the server did not have after its restart."""
    lost = 0
    for number in range(run.times(10)):
        site = run.site(f"site{number}", fsync=fsync)
        with small_disk(site.server.directory, outcome) as disk:
            if disk is None:
                return 0
            with site:
                lost += _one_full_disk(site, disk)
            outcome.repetitions += 1
            outcome.tasks += len(site.accepted)
            run.say(f"{number + 1}: {lost} of {outcome.tasks} lost")
    outcome.notes.append(f"lost {lost} of {outcome.tasks} accepted")
    return lost


def _one_full_disk(site: Site, disk: SmallDisk) -> int:
    site.with_api()
    with Submitter(site, threads=8, ms=0) as submitter:
        wait_until(lambda: len(site.accepted) >= 100, 30)
        pause(0, 0.3)
        disk.fill()
        refused = submitter.refused
        wait_until(lambda: submitter.refused > refused + 20, 30)
        site.server.kill()
    disk.relieve()
    site.server.start()
    kept = site.tasks()
    return sum(task_id not in kept for task_id in site.accepted)


class LocalStack(ServiceProcess):
    def __init__(self, log: Path, data_dir: Path) -> None:
        self.port = free_port()
        settings = {
            "http_port": self.port,
            "http_workers": 1,
            "worker_concurrency": 1,
            "data_dir": data_dir,
        }
        super().__init__("local", log, **settings)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def pid_of_server(self) -> int:
        return int(re.findall(r"redis +started \(process (\d+)\)", self.output)[-1])


@row("F-42c", "`make run`: its tasks fill the disk, then kill -9 of the server and of the stack")
def full_disk_of_the_local_stack(run: Run) -> Outcome:
    outcome = Outcome()
    lost = 0
    for number in range(run.times(5)):
        folder = run.directory / run.row / str(number)
        with small_disk(folder / "data", outcome) as disk:
            if disk is None:
                return outcome
            disk.fill(leave=6 * MEBIBYTE)
            lost += _fill_by_tasks(folder, disk, outcome)
        outcome.repetitions += 1
        run.say(f"{number + 1}: {lost} of {outcome.tasks} lost")
    outcome.notes.append(f"lost {lost} of {outcome.tasks} accepted")
    outcome.expect(not lost, f"{lost} accepted tasks were lost")
    return outcome


def _fill_by_tasks(folder: Path, disk: SmallDisk, outcome: Outcome) -> int:
    body = {"task_name": "test", "duration": 3600, "labels": {"x": "x" * 200}}
    accepted: list[str] = []
    with LocalStack(folder / "stack.log", disk.folder) as stack:
        wait_until(lambda: READY in stack.output, 40)
        code, refusal = _submit_until_refused(stack.url, body, accepted)
        outcome.expect((code, refusal) == (503, "capacity"), f"refused with {code} {refusal}")
        outcome.expect(disk.free > 0, "tasks were refused only when the disk was full")
        os.kill(stack.pid_of_server(), signal.SIGKILL)
        stack.process.kill()
        stack.process.wait()
    disk.relieve()
    outcome.tasks += len(accepted)
    with LocalStack(folder / "again.log", disk.folder) as stack:
        wait_until(lambda: READY in stack.output, 40)
        url = (disk.folder / "redis.url").read_text().strip()
        with redis.Redis.from_url(url) as client:
            keys = [b"tm:task:" + bytes.fromhex(task_id.replace("-", "")) for task_id in accepted]
            return sum(not client.exists(key) for key in keys)


def _submit_until_refused(
    url: str, body: dict[str, object], accepted: list[str]
) -> tuple[int, str]:
    with requests.Session() as session:
        while True:
            response = session.post(f"{url}/tasks/batch", json={"tasks": [body] * 10}, timeout=30)
            if response.status_code != 202:
                return response.status_code, response.json().get("code", "")
            accepted += [task["task_id"] for task in response.json()["tasks"]]


@row("F-42d", "the AOF cut off or damaged at a random place, then `task-manager repair`")
def damage_the_file(run: Run) -> Outcome:
    """Expect what the file held before the damage, in the order in which it was accepted."""
    outcome = Outcome(repetitions=run.times(20))
    repaired = kept_in_all = 0
    for number in range(outcome.repetitions):
        with run.site(f"site{number}") as site:
            ids = site.flood(200)
            site.server.stop()
            _damage(site.server.directory, cut_off=number % 2 == 0)
            done = _repair(site.server.directory)
            outcome.expect(
                done.returncode == 0, f"repair ended with {done.returncode}: {done.stderr[-200:]}"
            )
            repaired += "Cut " in done.stdout
            site.server.start()
            kept = site.tasks(ids)
        outcome.tasks += len(ids)
        kept_in_all += len(kept)
        outcome.expect(
            set(kept) == set(ids[: len(kept)]), "what is left is not what was accepted first"
        )
        run.say(f"{number + 1}: {len(kept)} of {len(ids)} kept")
    cuts = outcome.repetitions - repaired
    outcome.notes.append(
        f"{repaired} repaired, {cuts} read without; {kept_in_all} tasks stood before the damage"
    )
    return outcome


def _damage(directory: Path, *, cut_off: bool) -> None:
    [path] = (directory / "appendonlydir").glob("*.incr.aof")
    content = path.read_bytes()
    at = random.randrange(len(content) // 4, len(content))
    path.write_bytes(
        content[:at] if cut_off else content[:at] + random.randbytes(40) + content[at:]
    )


def _repair(directory: Path) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "TASKS_DATA_DIR": str(directory)}
    command = [sys.executable, "-m", "entrypoints.cli", "repair"]
    return subprocess.run(
        command, env=environment, capture_output=True, text=True, timeout=60, check=False
    )
