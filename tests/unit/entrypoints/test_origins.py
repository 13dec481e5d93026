"""Hosts and origins that are allowed, and those that are refused."""

import pytest
from flask.testing import FlaskClient

from entrypoints.api.origins import AllowedHosts

NAMED = ("tasks.example.com", "10.0.0.7", "[2001:DB8::7]")


@pytest.mark.parametrize(
    "host",
    [
        *(
            "localhost",
            "localhost:5000",
            "LOCALHOST:1",
            "localhost.",
            "app.localhost:5000",
            "localhost:",
        ),
        *("127.0.0.1", "127.0.0.1:5000", "127.8.9.1", "[::1]", "[::1]:5000", "[0:0:0:0:0:0:0:1]"),
        *("tasks.example.com", "Tasks.Example.com.:443", "10.0.0.7:80", "[2001:db8::7]:5000"),
    ],
)
def test_loopback_and_named_hosts_are_allowed_on_any_port(host: str) -> None:
    assert AllowedHosts("127.0.0.1", NAMED, "machine").allows(host)


@pytest.mark.parametrize(
    "host",
    [
        *(
            "",
            ":80",
            "evil.example",
            "localhost.evil.example",
            "evil-localhost",
            "evil.localhost.example:5000",
        ),
        *(
            "127.0.0.1.evil.example",
            "10.0.0.8",
            "[::2]",
            "machine",
            "sub.tasks.example.com",
            "*",
            "a, localhost",
        ),
        *(
            "localhost@evil.example",
            "evil.example#localhost",
            "localhost/",
            "[::1",
            "::1",
            "[localhost]",
            "localhost:x",
        ),
        *(
            "localhost evil",
            "localhost\\.evil.example",
            "l\xf6calhost",
            "127.1",
            "2130706433",
            "0x7f.1",
            "[::1%lo]",
        ),
        *("0.0.0.0", "169.254.169.254", "localhost..", "localhost:123456"),
    ],
)
def test_every_other_host_is_refused(host: str) -> None:
    assert not AllowedHosts("127.0.0.1", NAMED, "machine").allows(host)


@pytest.mark.parametrize("listening", ["0.0.0.0", "::", "0:0:0:0:0:0:0:0"])
def test_on_every_address_each_address_and_the_name_of_the_machine_are_allowed(
    listening: str,
) -> None:
    allowed = AllowedHosts(listening, (), "Machine.lan")

    assert all(
        allowed.allows(host)
        for host in ("10.0.0.8:5000", "[fd00::1]", "machine.lan:5000", "localhost")
    )
    assert not allowed.allows("evil.example")


def test_the_listening_address_is_allowed() -> None:
    assert AllowedHosts("10.1.2.3").allows("10.1.2.3:5000")
    assert AllowedHosts("box.lan").allows("box.lan:5000")
    assert not AllowedHosts("10.1.2.3").allows("10.1.2.4:5000")


def test_an_asterisk_allows_every_host_but_no_foreign_page() -> None:
    allowed = AllowedHosts("127.0.0.1", ["*"])

    assert allowed.allows("evil.example")
    assert allowed.allows("")
    assert not allowed.may_write("http://evil.example", "127.0.0.1:5000")


@pytest.mark.parametrize(
    ("origin", "host"),
    [
        ("http://127.0.0.1:5000", "127.0.0.1:5000"),
        ("http://localhost", "localhost"),
        ("http://localhost", "localhost:80"),
        ("http://LOCALHOST:5000", "localhost.:5000"),
        ("https://box.lan", "box.lan"),  # a proxy ended TLS
        ("https://box.lan", "box.lan:443"),
        ("http://[::1]:5000", "[::1]:5000"),
        ("https://tasks.example.com", "api:5000"),  # a proxy changed Host
        ("https://tasks.example.com:8443", None),
    ],
)
def test_pages_of_the_own_origin_and_of_named_hosts_may_write(
    origin: str, host: str | None
) -> None:
    assert AllowedHosts("127.0.0.1", NAMED).may_write(origin, host)


@pytest.mark.parametrize(
    "origin",
    [
        *(
            "null",
            "",
            "http://evil.example",
            "http://127.0.0.1",
            "http://127.0.0.1:5001",
            "http://localhost:5000",
        ),
        *(
            "https://127.0.0.1",
            "file://",
            "chrome-extension://127.0.0.1:5000",
            "http://127.0.0.1:5000@evil.example",
        ),
        *(
            "http://127.0.0.1:5000.evil.example",
            "http://127.0.0.1:99999",
            "http://[::1",
            "127.0.0.1:5000",
        ),
    ],
)
def test_no_other_page_may_write(origin: str) -> None:
    assert not AllowedHosts("127.0.0.1", NAMED).may_write(origin, "127.0.0.1:5000")


WRITES = [
    *(("POST", f"/queues/default/{verb}") for verb in ("pause", "resume")),
    *(
        ("POST", path)
        for path in (
            "/tasks",
            "/tasks/batch",
            "/tasks/actions",
            "/tasks/x/cancel",
            "/tasks/x/retry",
        )
    ),
    ("POST", "/tasks/x/deliveries/1/resend"),
    *((method, "/tasks/x") for method in ("PATCH", "PUT", "DELETE", "PROPFIND")),
    ("POST", "/nothing"),
]
FOREIGN = [
    {"Origin": "http://evil.example"},
    {"Origin": "null"},
    {"Origin": "http://localhost:9999", "Sec-Fetch-Site": "same-site"},
    {"Sec-Fetch-Site": "cross-site"},
    {"Sec-Fetch-Site": " Cross-Site "},
    {"Sec-Fetch-Site": "cross-site", "Origin": "http://localhost"},
]


@pytest.mark.parametrize(("method", "path"), WRITES)
@pytest.mark.parametrize("headers", FOREIGN)
def test_writes_of_foreign_pages_are_refused(
    client: FlaskClient, method: str, path: str, headers: dict[str, str]
) -> None:
    response = client.open(path, method=method, headers=headers)

    assert (response.status_code, response.json["code"]) == (403, "cross_site_request")
    assert response.mimetype == "application/problem+json"


@pytest.mark.parametrize("headers", FOREIGN)
@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS"])
def test_reads_of_foreign_pages_get_no_cors_headers(
    client: FlaskClient, method: str, headers: dict[str, str]
) -> None:
    response = client.open("/tasks", method=method, headers=headers)

    assert response.status_code == 200
    assert not [name for name, _ in response.headers if name.lower().startswith("access-control-")]


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Origin": "http://localhost"},
        {"Origin": "http://localhost", "Sec-Fetch-Site": "same-origin"},
        {"Sec-Fetch-Site": "none"},
    ],
)
def test_programs_and_own_pages_may_write(client: FlaskClient, headers: dict[str, str]) -> None:
    assert (
        client.post(
            "/tasks", json={"task_name": "test", "duration": 3}, headers=headers
        ).status_code
        == 202
    )
