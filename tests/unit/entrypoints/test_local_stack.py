"""What the local stack looks at, while its parts come and go."""

import socket
from dataclasses import replace
from pathlib import Path
from threading import Thread

import pytest

from entrypoints.local.server_log import ServerLog
from entrypoints.local.stack import LocalStack
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
