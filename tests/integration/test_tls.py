"""No part of the service talks to a server or a sentinel whose certificate is not trusted."""

import ssl
from collections.abc import Iterator
from pathlib import Path

import pytest

from adapters.celery.app import create_celery_app
from adapters.redis.connection import connect
from tests.integration.processes import ServiceProcess
from tests.integration.tls_server import Impostor, make_certificate
from tests.integration.waiting import PATIENCE, wait_until
from tests.unit.adapters.scripted_servers import ScriptedServer, has_role, names

PASSWORD = "hunter2secret"


@pytest.fixture
def certificate(tmp_path: Path) -> tuple[Path, Path]:
    """A certificate of this machine that nobody trusts, and its key."""
    return make_certificate(tmp_path)


@pytest.fixture
def impostor(certificate: tuple[Path, Path]) -> Iterator[Impostor]:
    impostor = Impostor(*certificate)
    yield impostor
    impostor.close()


@pytest.mark.parametrize(
    ("part", "form"),
    [
        ("worker", f"rediss://:{PASSWORD}@127.0.0.1:PORT/0"),
        ("maintenance", f"rediss://:{PASSWORD}@127.0.0.1:PORT/0"),
        ("worker", f"sentinel://127.0.0.1:PORT/tasks?tls=true&sentinel_password={PASSWORD}"),
    ],
)
def test_the_password_is_not_sent_to_a_server_that_is_not_trusted(
    impostor: Impostor, tmp_path: Path, part: str, form: str
) -> None:
    url = form.replace("PORT", str(impostor.port))

    with ServiceProcess(part, tmp_path / "log", redis_url=url, data_dir=tmp_path):
        wait_until(lambda: impostor.refused >= 4)

    assert PASSWORD.encode() not in impostor.heard


def test_a_trusted_sentinel_and_the_master_that_it_names_are_reached_by_tls(
    certificate: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("connection.TIMEOUT_SECONDS", "sentinels.SENTINEL_SECONDS"):
        monkeypatch.setattr(f"adapters.redis.{name}", PATIENCE)
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(*certificate)
    with (
        ScriptedServer(has_role("master"), tls) as master,
        ScriptedServer(names(master.port), tls) as sentinel,
    ):
        url = f"sentinel://127.0.0.1:{sentinel.port}/tasks?tls=true&ssl_ca_certs={certificate[0]}"
        with connect(url) as client:
            assert client.ping()
        with create_celery_app(url, ["default"]).connection_for_read() as broker:
            assert broker.default_channel.client.ping()
