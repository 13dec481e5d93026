"""Responses are compressed for clients that accept it, and mean the same."""

import gzip
import json

import pytest
from flask.testing import FlaskClient

from entrypoints.api import compression
from entrypoints.api.compression import MIN_BYTES
from tests.fakes.task_store import FakeTaskStore
from tests.storing import submit

GZIP = {"Accept-Encoding": "gzip"}


@pytest.fixture
def url(store: FakeTaskStore) -> str:
    """Return the URL of a task of more than MIN_BYTES."""
    payload = {"url": "https://example.com/", "method": "POST", "body": "x" * 2 * MIN_BYTES}
    task = submit(store, type="http", payload=payload)
    return f"/tasks/{task.task_id}"


def test_a_compressed_response_has_the_same_content_and_a_tag_of_its_own(
    client: FlaskClient, url: str
) -> None:
    plain, packed = client.get(url), client.get(url, headers=GZIP)

    assert json.loads(gzip.decompress(packed.data)) == plain.json
    assert packed.headers["Content-Encoding"] == "gzip"
    assert int(packed.headers["Content-Length"]) == len(packed.data) < len(plain.data)
    assert "Content-Encoding" not in plain.headers
    assert plain.headers["Vary"] == packed.headers["Vary"] == "Accept-Encoding"
    assert packed.headers["ETag"] == plain.headers["ETag"][:-1] + '-gzip"'


@pytest.mark.parametrize(
    "wish",
    [
        "gzip",
        "GZIP",
        "deflate, gzip;q=0.5",
        "*",
        "br;q=1, *;q=0.1",
        "identity;q=0.5, gzip",
        "identity, gzip",
        "gzip;q=0.001",
        "x" * 300 + ", gzip",
    ],
)
def test_a_client_that_takes_gzip_gets_it(client: FlaskClient, url: str, wish: str) -> None:
    assert client.get(url, headers={"Accept-Encoding": wish}).headers["Content-Encoding"] == "gzip"


@pytest.mark.parametrize(
    "wish",
    [
        "",
        "identity",
        "gzip;q=0",
        "*;q=0",
        "gzip;q=0, *",
        "identity, gzip;q=0.9",
        "br",
        "gzipped",
        ",",
    ],
)
def test_a_client_that_does_not_gets_a_plain_body(client: FlaskClient, url: str, wish: str) -> None:
    response = client.get(url, headers={"Accept-Encoding": wish})

    assert "Content-Encoding" not in response.headers
    assert response.json["payload"]
    assert response.headers["Vary"] == "Accept-Encoding"


def test_a_short_body_is_sent_as_it_is(client: FlaskClient) -> None:
    response = client.get("/queues", headers=GZIP)

    assert len(response.data) <= MIN_BYTES
    assert not {"Content-Encoding", "Vary"} & set(response.headers.keys())


def test_tags_of_both_forms_say_that_nothing_has_changed(client: FlaskClient, url: str) -> None:
    for headers in ({}, GZIP):
        tag = client.get(url, headers=headers).headers["ETag"]
        for given in (tag, f"W/{tag}", f'"other", {tag}'):
            same = client.get(url, headers={**headers, "If-None-Match": given})
            assert (same.status_code, same.data) == (304, b"")
            assert (same.headers["ETag"], same.headers["Vary"]) == (tag, "Accept-Encoding")
            assert "Content-Encoding" not in same.headers
        changed = client.patch(
            url, json={"task_name": f"{headers}"}, headers={**headers, "If-Match": tag}
        )
        assert changed.status_code == 200
        stale = client.patch(url, json={"task_name": "x"}, headers={**headers, "If-Match": tag})
        assert stale.status_code == 412
        assert client.get(url, headers={**headers, "If-None-Match": tag}).status_code == 200


def test_head_has_the_headers_of_get(client: FlaskClient, url: str) -> None:
    for headers in ({}, GZIP):
        get, head = client.get(url, headers=headers), client.head(url, headers=headers)
        assert head.data == b""
        for name in ("Content-Length", "Content-Encoding", "ETag", "Vary", "Content-Type"):
            assert head.headers.get(name) == get.headers.get(name), name


def test_pages_and_files_are_compressed_and_can_be_asked_for_again(client: FlaskClient) -> None:
    for path in ("/openapi.json", "/docs/init.js", "/docs/swagger-ui.css"):
        plain = client.get(path, buffered=True)
        packed = client.get(path, headers=GZIP, buffered=True)
        assert gzip.decompress(packed.data) == plain.data
        assert "Accept-Ranges" not in packed.headers
    tag = packed.headers["ETag"]
    assert tag.endswith('-gzip"')
    assert (
        client.get(path, headers={**GZIP, "If-None-Match": tag}, buffered=True).status_code == 304
    )
    part = client.get(path, headers={**GZIP, "Range": "bytes=0-4999"}, buffered=True)
    assert (part.status_code, len(part.data)) == (206, 5_000)
    assert "Content-Encoding" not in part.headers
    image = client.get("/docs/favicon-32x32.png", headers=GZIP, buffered=True)
    assert not {"Content-Encoding", "Vary"} & set(image.headers.keys())


def test_whole_pages_are_compressed_while_they_are_sent(
    client: FlaskClient, store: FakeTaskStore, url: str
) -> None:
    plain, packed = (client.get("/tasks?full=true", headers=each) for each in ({}, GZIP))

    assert json.loads(gzip.decompress(packed.data)) == plain.json
    assert "Content-Length" not in packed.headers


def test_problems_are_compressed_and_streams_are_not(client: FlaskClient, url: str) -> None:
    body = {"tasks": [{"task_name": ""}] * 20}
    problem = client.post("/tasks/batch", json=body, headers=GZIP)
    assert (problem.status_code, problem.headers["Content-Encoding"]) == (422, "gzip")
    assert json.loads(gzip.decompress(problem.data))["errors"]
    client.post(f"{url}/cancel")
    stream = client.get(f"{url}/events", headers=GZIP)
    assert "Content-Encoding" not in stream.headers
    assert b"event: task.snapshot" in stream.data


@pytest.mark.parametrize("path", ["", "/tasks?full=true"])
def test_a_body_is_sent_as_it_is_while_others_take_the_memory_for_compression(
    client: FlaskClient, url: str, path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = client.get(path or url)
    monkeypatch.setattr(compression, "MAX_HELD_BYTES", len(plain.data))

    response = client.get(path or url, headers=GZIP)

    assert "Content-Encoding" not in response.headers
    assert response.data == plain.data
    assert response.headers["Vary"] == "Accept-Encoding"
    assert response.headers.get("ETag") == plain.headers.get("ETag")


def test_a_body_that_is_compressed_leaves_its_memory_to_the_next(
    client: FlaskClient, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = compression.STREAMED_BYTES + compression.COMPRESSOR_BYTES
    monkeypatch.setattr(compression, "MAX_HELD_BYTES", one)
    monkeypatch.setattr(compression, "_held", compression._HeldBytes())

    for path in (url, "/tasks?full=true", "/docs/swagger-ui.css") * 3:
        response = client.get(path, headers=GZIP)
        assert response.headers["Content-Encoding"] == "gzip"
        response.close()  # its client has left
