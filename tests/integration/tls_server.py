"""A TLS server with a certificate that nobody trusts."""

import socket
import ssl
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


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


def make_certificate(folder: Path) -> tuple[Path, Path]:
    """Make a certificate of this machine that nobody trusts. Returns it and its key."""
    certificate, key = folder / "certificate.pem", folder / "key.pem"
    names = "subjectAltName=DNS:localhost,IP:127.0.0.1"
    request = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1"]
    files = ["-subj", "/CN=localhost", "-addext", names, "-keyout", key, "-out", certificate]
    subprocess.run([*request, *files], check=True, capture_output=True)
    return certificate, key


@contextmanager
def running_impostor(folder: Path) -> Iterator[Impostor]:
    """Start one, with a certificate that it makes in the folder."""
    impostor = Impostor(*make_certificate(folder))
    yield impostor
    impostor.close()
