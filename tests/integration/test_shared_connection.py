"""The connection that all greenlets of an API process share."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from entrypoints.local.embedded_redis import EmbeddedRedis
from tests.integration.shared_connection_cases import CASES
from tests.integration.waiting import PATIENCE, wait_until


@pytest.fixture
def server(tmp_path: Path) -> Iterator[EmbeddedRedis]:
    server = EmbeddedRedis(tmp_path / "data")
    process = server.start()
    try:
        wait_until(server.replies)
        yield server
    finally:
        process.kill()
        process.wait()


@pytest.mark.parametrize("case", [case.__name__ for case in CASES])
def test_case(case: str, server: EmbeddedRedis) -> None:
    program = [sys.executable, "-m", "tests.integration.shared_connection_cases", case, server.url]

    done = subprocess.run(program, capture_output=True, text=True, timeout=PATIENCE, check=False)

    assert done.returncode == 0, done.stderr
