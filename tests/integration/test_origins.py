"""Raw requests as hostile pages, clients and proxies send them."""

import json
import socket
from pathlib import Path
from typing import Any

import pytest

from tests.integration.processes import Api
from tests.integration.waiting import PATIENCE

API_SETTINGS = {"http_workers": 1, "http_allowed_hosts": "tasks.example.com"}


def sent(
    api: Api, request_line: str, *headers: str, body: str = ""
) -> tuple[int, dict[str, str], Any]:
    """Return status, headers and JSON body of the response."""
    lines = [request_line, *headers, "Connection: close", f"Content-Length: {len(body)}"]
    with socket.create_connection(("127.0.0.1", api.port), timeout=PATIENCE) as connection:
        connection.sendall("\r\n".join([*lines, "", body]).encode("latin-1"))
        response = b"".join(iter(lambda: connection.recv(65_536), b""))
    head, _, content = response.partition(b"\r\n\r\n")
    status, *fields = head.decode("latin-1").split("\r\n")
    named = {name.lower(): value for name, _, value in (field.partition(": ") for field in fields)}
    is_json = "json" in named.get("content-type", "")
    return int(status.split(" ")[1]), named, json.loads(content) if is_json else content


def is_paused(api: Api) -> bool:
    """Return whether a queue is paused."""
    return any(queue["paused"] for queue in api.request("GET", "/queues").json()["queues"])


@pytest.mark.parametrize(
    "request_line", ["GET /tasks", "GET /livez", "GET /docs", "POST /tasks", "GET /nothing"]
)
@pytest.mark.parametrize("host", ["evil.example", "evil.example:5000", "10.0.0.8", "a\xffb", ""])
def test_a_request_to_a_foreign_host_is_refused_whatever_it_asks_for(
    api: Api, request_line: str, host: str
) -> None:
    status, headers, problem = sent(api, f"{request_line} HTTP/1.1", f"Host: {host}")

    assert (status, problem["code"], problem["type"]) == (
        421,
        "host_not_allowed",
        "/problems/host_not_allowed",
    )
    assert headers["content-type"] == "application/problem+json"
    assert f"the host {host!a}" in problem["detail"]
    assert "TASKS_HTTP_ALLOWED_HOSTS" in problem["detail"]


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "localhost:1", "app.localhost", "[::1]:80", "tasks.example.com"]
)
def test_loopback_and_named_hosts_are_let_in(api: Api, host: str) -> None:
    assert sent(api, "GET /tasks HTTP/1.1", f"Host: {host}")[0] == 200


def test_a_probe_without_a_host_is_let_in_as_no_browser_sends_it(api: Api) -> None:
    assert sent(api, "GET /livez HTTP/1.0")[0] == 200


def test_a_request_with_two_hosts_is_refused(api: Api) -> None:
    assert sent(api, "GET /tasks HTTP/1.1", "Host: localhost", "Host: evil.example")[0] == 400


@pytest.mark.parametrize(
    "headers",
    [
        ["Origin: http://evil.example"],
        ["Origin: null"],
        ["Origin:"],
        ["Sec-Fetch-Site: cross-site"],
        ["Sec-Fetch-Site: same-site", "Origin: http://localhost:1"],
        ["Sec-Fetch-Site: cross-site", "Origin: https://tasks.example.com"],
    ],
)
def test_a_foreign_page_cannot_pause_a_queue(api: Api, headers: list[str]) -> None:
    api.submit()

    status, fields, problem = sent(
        api, "POST /queues/default/pause HTTP/1.1", "Host: localhost", *headers
    )

    assert (status, problem["code"]) == (403, "cross_site_request")
    assert not [name for name in fields if name.startswith("access-control-")]
    assert not is_paused(api)


@pytest.mark.parametrize("origin", ["https://tasks.example.com", "http://127.0.0.1:5000"])
def test_pages_of_the_own_origin_and_of_named_hosts_can_write(api: Api, origin: str) -> None:
    api.submit()

    headers = ("Host: 127.0.0.1:5000", f"Origin: {origin}", "Sec-Fetch-Site: same-origin")
    assert sent(api, "POST /queues/default/pause HTTP/1.1", *headers)[0] == 200

    assert is_paused(api)


def test_a_preflight_gets_no_cors_headers(api: Api) -> None:
    headers = (
        "Host: localhost",
        "Origin: http://evil.example",
        "Access-Control-Request-Method: POST",
    )
    status, fields, _ = sent(api, "OPTIONS /tasks HTTP/1.1", *headers)

    assert status == 200
    assert not [name for name in fields if name.startswith("access-control-")]


@pytest.mark.parametrize(
    "header",
    [
        *(
            "SCRIPT_NAME: /tasks",
            "Script-Name: /tasks",
            "SCRIPT_NAME: /other",
            "script_name: /tasks/x",
        ),
        *(
            "PATH_INFO: /livez",
            "Path-Info: /livez",
            "REMOTE_USER: root",
            "Remote-User: root",
            "REMOTE_ADDR: 10.9.9.9",
        ),
        *(
            "X-Forwarded-Host: evil.example",
            "X_Forwarded_Host: evil.example",
            "Forwarded: host=evil.example",
        ),
        *(
            "X-Forwarded-Proto: https",
            "X_Forwarded_Proto: https",
            "X-Forwarded-Protocol: ssl",
            "X-Forwarded-Ssl: on",
        ),
        *(
            "X-Forwarded-Prefix: /evil",
            "X-Forwarded-Port: 1",
            "X-Forwarded-For: 10.9.9.9",
            "X_Forwarded_For: 10.9.9.9",
        ),
        *(
            "X-Script-Name: /tasks",
            "X-Original-Url: /livez",
            "X-Rewrite-Url: /livez",
            "X-HTTP-Method-Override: DELETE",
        ),
        "X-Forwarded-Proto: https\r\nX-Forwarded-Ssl: off",
    ],
)
@pytest.mark.parametrize("path", ["/tasks/nothing?x=1", "/tasks/", "/"])
def test_headers_of_a_forwarder_are_ignored(api: Api, header: str, path: str) -> None:
    plain = sent(api, f"GET {path} HTTP/1.1", "Host: localhost", "X-Request-ID: one")
    forwarded = sent(api, f"GET {path} HTTP/1.1", "Host: localhost", "X-Request-ID: one", header)

    for response in (plain, forwarded):
        response[1].pop("date")
    assert forwarded == plain


def test_a_client_cannot_set_the_script_name_by_a_path_that_begins_with_it(api: Api) -> None:
    status, _, problem = sent(
        api, "GET /evil/livez HTTP/1.1", "Host: localhost", "SCRIPT_NAME: /evil"
    )

    assert (status, problem["instance"]) == (404, "/evil/livez")


def test_the_check_of_hosts_can_be_switched_off_and_that_is_logged(
    redis_url: str, tmp_path: Path
) -> None:
    with Api(
        tmp_path / "api.log", redis_url=redis_url, http_workers=1, http_allowed_hosts="*"
    ) as api:
        assert sent(api, "GET /tasks HTTP/1.1", "Host: evil.example")[0] == 200
        assert "any_host_allowed" in api.output
        assert (
            sent(api, "POST /tasks HTTP/1.1", "Host: localhost", "Origin: http://evil.example")[0]
            == 403
        )


def test_on_every_address_the_addresses_of_the_machine_are_let_in(
    redis_url: str, tmp_path: Path
) -> None:
    settings: dict[str, Any] = {
        "redis_url": redis_url,
        "http_workers": 1,
        "http_host": "0.0.0.0",
        "auth": "none",
    }
    with Api(tmp_path / "api.log", **settings) as api:
        assert sent(api, "GET /tasks HTTP/1.1", "Host: 10.0.0.8:5000")[0] == 200
        assert sent(api, "GET /tasks HTTP/1.1", f"Host: {socket.gethostname()}:5000")[0] == 200
        assert sent(api, "GET /tasks HTTP/1.1", "Host: evil.example")[0] == 421
