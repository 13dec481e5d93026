"""No part of the service talks to a rediss:// server whose certificate is not trusted."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.processes import ServiceProcess
from tests.integration.tls_server import Impostor, running_impostor
from tests.integration.waiting import wait_until

PASSWORD = "hunter2secret"


@pytest.fixture
def impostor(tmp_path: Path) -> Iterator[Impostor]:
    with running_impostor(tmp_path) as impostor:
        yield impostor


@pytest.mark.parametrize("part", ["worker", "maintenance"])
def test_the_password_is_not_sent_to_a_server_that_is_not_trusted(
    impostor: Impostor, tmp_path: Path, part: str
) -> None:
    url = f"rediss://:{PASSWORD}@127.0.0.1:{impostor.port}/0"

    with ServiceProcess(part, tmp_path / "log", redis_url=url, data_dir=tmp_path):
        wait_until(lambda: impostor.refused >= 4)

    assert PASSWORD.encode() not in impostor.heard
