"""No part of the service talks to a rediss:// server whose certificate is not trusted."""

import socket
import ssl
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.processes import ServiceProcess
from tests.integration.waiting import wait_until

PASSWORD = "hunter2secret"


class Impostor:
    """A TLS server with an untrusted certificate, which records what it receives."""

    def __init__(self, certificate: Path, key: Path) -> None:
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._context.load_cert_chain(certificate, key)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self.refused = 0
        self.heard = b""
        threading.Thread(target=self._serve, daemon=True).start()

    def close(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            with connection:
                connection.settimeout(5)
                try:
                    with self._context.wrap_socket(connection, server_side=True) as secured:
                        self.heard += secured.recv(4096)
                except OSError:
                    self.refused += 1


@pytest.fixture
def impostor(tmp_path: Path) -> Iterator[Impostor]:
    certificate, key = tmp_path / "certificate.pem", tmp_path / "key.pem"
    subprocess.run(
        [
            *(
                "openssl",
                "req",
                "-x509",
                "-newkey",
                "rsa:2048",
                "-nodes",
                "-days",
                "1",
                "-subj",
                "/CN=localhost",
            ),
            *(
                "-addext",
                "subjectAltName=DNS:localhost,IP:127.0.0.1",
                "-keyout",
                key,
                "-out",
                certificate,
            ),
        ],
        check=True,
        capture_output=True,
    )
    impostor = Impostor(certificate, key)
    yield impostor
    impostor.close()


@pytest.mark.parametrize("part", ["worker", "maintenance"])
def test_the_password_is_not_sent_to_a_server_that_is_not_trusted(
    impostor: Impostor, tmp_path: Path, part: str
) -> None:
    url = f"rediss://:{PASSWORD}@127.0.0.1:{impostor.port}/0"

    with ServiceProcess(part, tmp_path / "log", redis_url=url, data_dir=tmp_path):
        wait_until(lambda: impostor.refused >= 4)

    assert PASSWORD.encode() not in impostor.heard
