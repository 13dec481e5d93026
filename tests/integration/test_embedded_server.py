"""The embedded server of `task-manager local`: only its user reaches it, wherever its data is."""

import contextlib
import os
import socket
import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
import redis
import requests
from celery import Celery

from entrypoints.local.embedded_redis import EmbeddedRedis
from tests.integration.local_stacks import Local, others_may, running
from tests.integration.waiting import PATIENCE

pytestmark = pytest.mark.usefixtures("no_settings")


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


def test_start_without_room_for_so_much_memory_is_refused(tmp_path: Path) -> None:
    with Local(tmp_path / "log", tmp_path / "data", embedded_max_memory_mb=1024 * 1024) as stack:
        assert stack.exit_code() == 2
        assert (
            "TASKS_EMBEDDED_MAX_MEMORY_MB is 1048576, but this machine or container has"
            in stack.output
        )
