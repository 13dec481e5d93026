"""F-25: no URL of a caller leads a call to an address that only this service can reach."""

import asyncio
import socket
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from adapters.http.address_rules import AddressRefused
from adapters.http.outbound import OutboundHttp
from adapters.http.response import HttpResponse, NoResponse
from tests.integration.ports import free_port
from tests.integration.receiver import Receiver, Response
from tests.integration.waiting import PATIENCE

PUBLIC = "93.184.215.14"
EVERYWHERE = OutboundHttp(["127.0.0.0/8", "::1/128"])
PUBLIC_ALONE = OutboundHttp()


def send(http: OutboundHttp, url: str, **options: Any) -> HttpResponse:
    return http.send(
        "POST", url, headers={}, body=b"x", **{"seconds": PATIENCE, "max_bytes": 100, **options}
    )


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver(Response(body="hello")) as receiver:
        yield receiver


@pytest.fixture
def connected(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, int]]:
    """Refuse every connection, and return the addresses that were to be connected to."""
    attempts: list[tuple[str, int]] = []

    async def refuse(_: object, __: object, address: tuple[str, int]) -> None:
        attempts.append(address)
        raise ConnectionRefusedError("not in this test")

    monkeypatch.setattr(asyncio.SelectorEventLoop, "sock_connect", refuse)
    return attempts


def resolve(monkeypatch: pytest.MonkeyPatch, *responses: list[str]) -> None:
    """Resolve names to these addresses: the next list at each resolution."""
    left = iter(responses)

    def getaddrinfo(*_: object, **__: object) -> list[Any]:
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, 0)) for address in next(left)]

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)


@pytest.mark.parametrize(
    "host",
    [
        *(
            "127.0.0.1",
            "127.1",
            "0x7f.1",
            "0x7f000001",
            "2130706433",
            "017700000001",
            "localhost",
            "LOCALHOST.",
        ),
        *(
            "0.0.0.0",
            "0",
            "10.0.0.1",
            "172.16.0.1",
            "192.168.0.1",
            "100.64.0.1",
            "169.254.169.254",
            "224.0.0.1",
        ),
        *(
            "255.255.255.255",
            "192.0.2.1",
            "198.18.0.1",
            "[::]",
            "[::1]",
            "[::ffff:10.0.0.1]",
            "[::ffff:7f00:1]",
        ),
        *(
            "[::127.0.0.1]",
            "[::ffff:0:127.0.0.1]",
            "[64:ff9b::7f00:1]",
            "[64:ff9b:1::a00:1]",
            "[2002:7f00:1::]",
        ),
        *(
            "[fc00::1]",
            "[fd12::1]",
            "[fe80::1]",
            "[fe80::1%25lo]",
            "[fec0::1]",
            "[ff02::1]",
            "[2001:db8::1]",
        ),
        *("[2001::1]", "[100::1]", "127.0.0.1.", "user:password@127.0.0.1"),
    ],
)
def test_an_address_that_is_not_public_is_refused_however_it_is_written(
    receiver: Receiver, connected: list[tuple[str, int]], host: str
) -> None:
    for url in (f"http://{host}:{receiver.port}/", f"https://{host}/", f"http://{host}/"):
        with pytest.raises((AddressRefused, NoResponse)) as refusal:
            send(PUBLIC_ALONE, url)
        assert isinstance(refusal.value, AddressRefused) or "not known" in str(refusal.value)

    assert (receiver.requests, connected) == ([], [])


def test_a_name_with_one_address_that_is_not_public_is_refused(
    monkeypatch: pytest.MonkeyPatch, connected: list[tuple[str, int]]
) -> None:
    resolve(monkeypatch, [PUBLIC, "10.0.0.1"])

    with pytest.raises(AddressRefused, match=r"not 10\.0\.0\.1"):
        send(PUBLIC_ALONE, "https://rebinding.example/")

    assert connected == []


def test_the_connection_goes_to_the_address_that_was_checked(
    monkeypatch: pytest.MonkeyPatch, connected: list[tuple[str, int]]
) -> None:
    resolve(monkeypatch, [PUBLIC], ["127.0.0.1"])

    with pytest.raises(NoResponse):
        send(PUBLIC_ALONE, "https://rebinding.example/")

    assert connected == [(PUBLIC, 443)]


@pytest.mark.parametrize(
    ("url", "why"),
    [
        (
            f"https://{PUBLIC}:8443/",
            "Must name port 443 or 80, not 8443; TASKS_HTTP_ALLOWED_NETWORKS",
        ),
        (f"http://{PUBLIC}:6379/", "Must begin with https://"),
        (f"http://{PUBLIC}/", "Must begin with https://; TASKS_HTTP_ALLOWED_NETWORKS"),
        ("ftp://127.0.0.1/", "Must begin with https:// or http://"),
        ("http://a..b/", "label"),
    ],
)
def test_a_public_address_is_called_on_the_ports_of_the_web_alone(
    connected: list[tuple[str, int]], url: str, why: str
) -> None:
    with pytest.raises(AddressRefused, match=why):
        send(PUBLIC_ALONE, url, allow_public_http=False)

    assert connected == []


def test_an_allowed_network_is_called_with_name_and_port_in_the_host_header(
    receiver: Receiver,
) -> None:
    response = send(
        EVERYWHERE, f"http://localhost:{receiver.port}/path?x=1", allow_public_http=False
    )

    assert (response.status, response.body, response.truncated) == (200, b"hello", False)
    [request] = receiver.requests
    assert (request.method, request.path, request.body) == ("POST", "/path?x=1", b"x")
    assert request.headers["host"] == f"localhost:{receiver.port}"


def test_a_redirect_is_not_followed(receiver: Receiver) -> None:
    for location in ("http://169.254.169.254/", "http://[::1", "/elsewhere"):
        receiver.responses = [Response(302, b"x" * 10_000_000, {"Location": location})]

        response = send(EVERYWHERE, receiver.url)

        assert (response.status, len(response.body), response.truncated) == (302, 100, True)


@pytest.mark.parametrize(
    ("asked", "seconds"),
    [
        ("120", 120),
        ("Tue, 24 Nov 2026 12:01:00 GMT", 60),
        ("999999999999", 86_400),
        ("-1", 0),
        ("soon", 0),
        ("", 0),
        ("Mon, 01 Jan 2024 00:00:00 +99999999999999999999", 0),
    ],
)
def test_retry_after_is_at_most_a_day(asked: str, seconds: int) -> None:
    response = HttpResponse(status=503, headers={"retry-after": asked}, body=b"", truncated=False)

    assert response.retry_after(datetime(2026, 11, 24, 12, tzinfo=UTC)) == timedelta(
        seconds=seconds
    )


def test_no_proxy_and_no_password_of_the_environment_is_used(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")

    assert send(EVERYWHERE, receiver.url).status == 200


def test_a_long_response_is_read_up_to_its_limit(receiver: Receiver) -> None:
    receiver.responses = [Response(body=b"x" * 10_000_000)]

    response = send(EVERYWHERE, receiver.url)

    assert (len(response.body), response.truncated) == (100, True)


def test_a_response_that_does_not_come_in_time_is_given_up(
    receiver: Receiver,
) -> None:
    over = threading.Event()
    receiver.responses = [Response(stall=lambda: over.wait(30))]

    with pytest.raises(NoResponse, match=r"no response within 0\.2 seconds"):
        send(EVERYWHERE, receiver.url, seconds=0.2)

    over.set()


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_response_that_comes_drop_by_drop_is_given_up(scheme: str) -> None:
    """Each byte arrives before a timeout of a single read would end."""
    over = threading.Event()

    def drip(listener: socket.socket) -> None:
        accepted, _ = listener.accept()
        with accepted:
            accepted.sendall(
                b"HTTP/1.1 200 OK\r\nX: " if scheme == "http" else b"\x16\x03\x03\x40\x00"
            )
            while not over.wait(0.02):
                try:
                    accepted.sendall(b"x" if scheme == "http" else b"\x00")
                except OSError:
                    return

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=drip, args=(listener,))
        thread.start()
        with pytest.raises(NoResponse, match=r"no response within 0\.3 seconds"):
            send(EVERYWHERE, f"{scheme}://127.0.0.1:{listener.getsockname()[1]}/", seconds=0.3)
        over.set()
        thread.join()


def test_a_port_that_nobody_listens_on_has_no_response() -> None:
    with pytest.raises(NoResponse, match="refused"):
        send(EVERYWHERE, f"http://127.0.0.1:{free_port()}/")
