"""`task-manager export` and `task-manager import`, as an operator runs them."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import redis

from adapters.redis.task_leases import RedisTaskLeases
from adapters.redis.task_repository import RedisTaskRepository
from tests.integration.ports import free_port
from tests.integration.stored_data import stored_data
from tests.integration.waiting import PATIENCE
from tests.storing import claim, submit

Run = Callable[..., subprocess.CompletedProcess[bytes]]
FULL = Path("/dev/full")


@pytest.fixture
def run(redis_url: str, no_settings: None) -> Run:
    def run(*arguments: str, **options: object) -> subprocess.CompletedProcess[bytes]:
        url = options.pop("url", redis_url)
        return subprocess.run(
            [sys.executable, "-m", "entrypoints.cli", *arguments],
            env={**os.environ, "TASKS_REDIS_URL": str(url)},
            timeout=PATIENCE,
            check=False,
            stderr=subprocess.PIPE,
            **{"stdout": subprocess.PIPE, **options},
        )

    return run


def test_tasks_are_moved_from_one_redis_to_another(
    run: Run, repository: RedisTaskRepository, client: redis.Redis, tmp_path: Path
) -> None:
    for _ in range(3):
        submit(repository)
    before = stored_data(client)
    archive = tmp_path / "tasks.ndjson"
    archive.touch(0o644)
    with archive.open("wb") as file:
        exported = run("export", stdout=file)
    client.flushall()

    with archive.open("rb") as file:
        imported = run("import", stdin=file)

    assert (exported.returncode, imported.returncode) == (0, 0), imported.stderr
    assert b"The archive has 4 lines. It is complete." in exported.stderr
    assert b"chmod 600" in exported.stderr
    assert b"3 added" in imported.stderr
    assert stored_data(client) == before
    assert client.get("tm:layout") == b"1"


def test_what_is_left_out_is_explained_with_the_number_of_its_line(
    run: Run, repository: RedisTaskRepository, leases: RedisTaskLeases, client: redis.Redis
) -> None:
    submit(repository)
    task = claim(leases)
    archive = run("export").stdout
    client.flushall()

    done = run("import", input=b"\n{\n" + archive.splitlines()[0] + b"\n")

    assert done.returncode == 1
    assert b"Line 2: left out, damaged: it is no JSON" in done.stderr
    assert f"Line 3: left out, task {task.task_id}: it ran when".encode() in done.stderr
    assert b"The archive has no last line" in done.stderr
    assert b"Traceback" not in done.stderr


def test_an_archive_that_lost_a_line_is_not_complete(
    run: Run, repository: RedisTaskRepository, client: redis.Redis
) -> None:
    for _ in range(3):
        submit(repository)
    lines = run("export").stdout.splitlines(keepends=True)
    client.flushall()

    done = run("import", input=b"".join([lines[0], *lines[2:]]))

    assert done.returncode == 1
    assert b"should have 3 tasks. 1 of them are missing." in done.stderr
    assert run("import", input=b"".join(lines)).returncode == 0


@pytest.mark.skipif(not FULL.exists(), reason="this system has no disk that is always full")
def test_a_full_disk_is_told_of(run: Run, repository: RedisTaskRepository) -> None:
    submit(repository)

    with FULL.open("wb") as full:
        done = run("export", stdout=full)

    assert done.returncode == 1
    assert b"cannot be written: No space left on device. It is not complete." in done.stderr
    assert b"Traceback" not in done.stderr


def test_without_redis_both_say_so(run: Run) -> None:
    away = f"redis://127.0.0.1:{free_port()}/0"

    exported = run("export", url=away)
    imported = run("import", url=away, input=b'{"kind":"queue","name":"a","paused":true}\n')

    assert (exported.returncode, imported.returncode) == (1, 1)
    assert b"Redis cannot be reached" in exported.stderr
    assert b"Repeat the command" in imported.stderr
    assert b"Traceback" not in exported.stderr + imported.stderr


@pytest.mark.usefixtures("own_layout")
def test_a_store_of_a_newer_release_is_refused(run: Run, client: redis.Redis) -> None:
    client.mset({"tm:layout": 9, "tm:layout:readers": 8})

    for command in ("export", "import", "maintenance"):
        done = run(command, input=b"")

        assert done.returncode == 1, command
        assert b"needs a release that reads layout 8. This release reads layouts" in done.stderr
        assert b"Traceback" not in done.stderr
    assert client.mget("tm:layout", "tm:layout:readers") == [b"9", b"8"]
