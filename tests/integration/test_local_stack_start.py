"""`task-manager local` needs little, refuses wrong settings and says what it starts."""

import contextlib
import os
import re
import signal
import threading
from pathlib import Path

import psutil
import pytest
import redis

from tests.integration.local_stacks import LocalStack
from tests.integration.processes import free_port
from tests.integration.waiting import wait_until


def test_the_files_stay_locked_until_the_server_of_a_killed_stack_has_ended(start) -> None:
    first = start()
    first.url()
    server = psutil.Process(first.pid_of("redis"))
    url = psutil.Process(first.pid_of("api")).environ()["TASKS_REDIS_URL"]
    busy = threading.Thread(target=_keep_busy, args=(url,), daemon=True)
    used = server.cpu_times().user
    busy.start()
    wait_until(lambda: server.cpu_times().user > used + 0.2)
    os.kill(first.pid, signal.SIGKILL)
    first.process.wait()
    try:
        second = start()
        assert second.exit_code() == 2
        assert "another running stack uses" in second.output
    finally:
        server.kill()


def _keep_busy(url: str) -> None:
    """Run a script that ends only with the server, so that the server cannot stop by itself."""
    with (
        redis.Redis.from_url(url, socket_timeout=60) as client,
        contextlib.suppress(redis.RedisError),
    ):
        client.eval("while true do redis.call('SET', 'busy', 1) end", 0)


def test_a_proxy_in_the_environment_is_not_used(start, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "HTTP_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")

    assert start().url()


def test_a_second_stack_on_the_same_data_says_what_is_taken(start) -> None:
    start().url()

    second = start()

    assert second.exit_code() == 2
    assert re.search(
        r"TASKS_DATA_DIR is '.*/data', which another running stack uses \(process \d+\)",
        second.output,
    )
    assert "Traceback" not in second.output


def test_a_second_stack_on_the_same_port_says_what_is_taken(start) -> None:
    first = start()
    port = int(first.url().rsplit(":", 1)[1])

    second = start(data_dir="other", port=port)

    assert second.exit_code() == 2
    assert (
        f"TASKS_HTTP_HOST and TASKS_HTTP_PORT are 127.0.0.1:{port}, which is not available"
        in second.output
    )
    assert "Traceback" not in second.output


def test_the_banner_names_a_redis_of_the_users_own(tmp_path: Path, redis_url: str) -> None:
    with LocalStack(
        tmp_path / "stack.log", tmp_path / "data", free_port(), redis_url=redis_url
    ) as stack:
        stack.url()
        wait_until(lambda: "Ctrl-C stops everything but that Redis." in stack.output)

        assert re.search(r"The tasks are stored in your Redis, (redis|unix)://", stack.output)
        assert "redis.url" not in stack.output
        assert "redis        started" not in stack.output
        assert stack.stop(signal.SIGINT) == 0
