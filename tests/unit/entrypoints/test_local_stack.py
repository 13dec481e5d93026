"""The local stack looks at its parts while they come and go."""

import socket
from dataclasses import replace
from pathlib import Path
from threading import Thread

import pytest

from entrypoints.local.server_log import ServerLog
from entrypoints.local.stack import LocalStack
from entrypoints.settings import InvalidSettings
from tests.unit.entrypoints.conftest import SETTINGS

CUT_OFF = b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{"


@pytest.mark.parametrize("response", [CUT_OFF, b"HTTP/1.1 nonsense\r\n", b""])
def test_an_api_that_ends_during_its_response_is_not_ready(response: bytes) -> None:
    """An error would end the supervisor, and with it all services."""

    def respond() -> None:
        connection, _ = listening.accept()
        with connection:
            connection.recv(4096)
            connection.sendall(response)

    with socket.create_server(("127.0.0.1", 0)) as listening:
        answering = Thread(target=respond)
        answering.start()
        stack = LocalStack(replace(SETTINGS, http_port=listening.getsockname()[1]))

        assert not stack._is_ready()

        answering.join()


def test_a_data_directory_that_is_gone_is_explained(tmp_path: Path) -> None:
    assert "No such file or directory" in ServerLog(tmp_path / "gone").explain()


def test_the_embedded_server_has_no_replicas_that_could_confirm() -> None:
    settings = replace(SETTINGS, redis_url=None, redis_min_replicas=1)

    with pytest.raises(InvalidSettings, match=r"TASKS_REDIS_MIN_REPLICAS is 1, but the embedded"):
        LocalStack(settings)
