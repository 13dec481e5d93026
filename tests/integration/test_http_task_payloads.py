"""Payloads of the type http that the API refuses."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.integration.processes import Api


@pytest.fixture(scope="module")
def strict(redis_server_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    """An API whose operator allows no network."""
    with Api(
        tmp_path_factory.mktemp("strict") / "api.log", redis_url=redis_server_url, http_workers=1
    ) as api:
        yield api


@pytest.mark.parametrize(
    ("payload", "pointer", "message"),
    [
        ({}, "/payload/url", "Field required."),
        ({"url": "ftp://x/"}, "/payload/url", "Must begin with https:// or http:// and a host."),
        ({"url": "https:///x"}, "/payload/url", "Must begin with https:// or http:// and a host."),
        (
            {"url": "https://a:b@x/"},
            "/payload/url",
            "Must not contain a user name, a password or a backslash.",
        ),
        (
            {"url": "https://x:99999/"},
            "/payload/url",
            "Must be a URL; its host or port cannot be read.",
        ),
        (
            {"url": "https://x/ y"},
            "/payload/url",
            "Must be a URL of at most 2048 ASCII characters without blanks.",
        ),
        (
            {"url": "http://127.0.0.1/"},
            "/payload/url",
            "Must lead to a public address, not 127.0.0.1; TASKS_HTTP",
        ),
        (
            {"url": "https://[fe80::1]/"},
            "/payload/url",
            "Must lead to a public address, not fe80::1; TASKS_HTTP_ALL",
        ),
        (
            {"url": "http://example.com:6379/"},
            "/payload/url",
            "Must name port 443 or 80, not 6379; TASKS_HTTP_ALL",
        ),
        (
            {"url": "https://x", "method": "get"},
            "/payload/method",
            "Input should be 'GET', 'HEAD', 'POST', 'PUT', ",
        ),
        (
            {"url": "https://x", "headers": {"Host": "y"}},
            "/payload/headers/Host",
            "Host is set by the service",
        ),
        (
            {"url": "https://x", "headers": {"x_task_id": "y"}},
            "/payload/headers/x_task_id",
            "x_task_id is set by",
        ),
        (
            {"url": "https://x", "headers": {"Expect": "y"}},
            "/payload/headers/Expect",
            "Expect is set by the service",
        ),
        (
            {"url": "https://x", "headers": {"A": "b\r\nc"}},
            "/payload/headers/A",
            "String should match pattern",
        ),
        (
            {"url": "https://x", "json": 1, "body": "2"},
            "/payload/body",
            "Give either json or body.",
        ),
        ({"url": "https://x", "timeout": 0}, "/payload/timeout", "Input should be greater than 0."),
        (
            {"url": "https://x", "timeout": "5"},
            "/payload/timeout",
            "Input should be a valid number.",
        ),
        (
            {"url": "https://x", "success_status": [200, 99]},
            "/payload/success_status/1",
            "Input should be greater",
        ),
        (
            {"url": "https://x", "follow": True},
            "/payload/follow",
            "Extra inputs are not permitted.",
        ),
    ],
)
def test_an_invalid_call_is_refused(
    strict: Api, payload: dict[str, Any], pointer: str, message: str
) -> None:
    response = strict.request(
        "POST", "/tasks", json={"task_name": "call", "type": "http", "payload": payload}
    )

    [error] = response.json()["errors"]
    assert (response.status_code, error["pointer"]) == (422, pointer)
    assert error["message"].startswith(message)
