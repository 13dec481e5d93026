"""GET /metrics has the formats of Prometheus and OpenMetrics, and tells no names of callers."""

import gzip
import re

import pytest
from flask.testing import FlaskClient
from prometheus_client.openmetrics.parser import text_string_to_metric_families as openmetrics
from prometheus_client.parser import text_string_to_metric_families as plain
from prometheus_client.samples import Sample

from tests.fakes.task_store import FakeTaskStore
from tests.storing import submit

HOST = {"Host": "127.0.0.1"}
PROMETHEUS = (
    "application/openmetrics-text;version=1.0.0;q=0.5,application/openmetrics-text;version=0.0.1;"
    "q=0.4,text/plain;version=0.0.4;q=0.3,*/*;q=0.2"
)
LABELS = {"queue", "type", "status", "route", "method", "code", "outcome", "le"}


def samples(client: FlaskClient, name: str) -> dict[tuple[str, ...], float]:
    """Return the values of a metric by those of its labels, in the order of their names."""
    text = client.get("/metrics", headers=HOST).text
    found: list[Sample] = [
        each for family in plain(text) for each in family.samples if each.name == name
    ]
    return {tuple(value for _, value in sorted(each.labels.items())): each.value for each in found}


@pytest.mark.parametrize(
    ("accept", "media_type"),
    [
        (None, "text/plain"),
        ("*/*", "text/plain"),
        ("text/*", "text/plain"),
        ("text/html,*/*;q=0.1", "text/plain"),
        ("text/plain;version=0.0.4", "text/plain"),
        ("text/plain;q=0.9,application/openmetrics-text;q=0.5", "text/plain"),
        ("application/openmetrics-text", "application/openmetrics-text"),
        (PROMETHEUS, "application/openmetrics-text"),
        ("application/openmetrics-text;version=9.9.9", "application/openmetrics-text"),
    ],
)
def test_the_client_chooses_the_format(
    client: FlaskClient, store: FakeTaskStore, accept: str | None, media_type: str
) -> None:
    submit(store)
    response = client.get("/metrics", headers={**HOST, **({"Accept": accept} if accept else {})})

    assert response.status_code == 200
    assert response.mimetype == media_type
    is_open = media_type == "application/openmetrics-text"
    version = "1.0.0" if is_open else "0.0.4"
    assert f"version={version}" in response.headers["Content-Type"]
    families = list((openmetrics if is_open else plain)(response.text))
    assert {"task_manager_tasks", "task_manager_http_requests"} <= {each.name for each in families}


@pytest.mark.parametrize("accept", ["application/json", "image/png", "text/plain;q=0"])
def test_another_format_is_refused(client: FlaskClient, accept: str) -> None:
    response = client.get("/metrics", headers={**HOST, "Accept": accept})

    assert (response.status_code, response.json["code"]) == (406, "not_acceptable")


def test_requests_count_by_route_and_refusals_by_code(
    client: FlaskClient, store: FakeTaskStore
) -> None:
    name, refusals = "task_manager_http_requests_total", "task_manager_refusals_total"
    before, refused = samples(client, name), samples(client, refusals)
    task_id = submit(store).task_id
    client.get(f"/tasks/{task_id}", headers=HOST)
    client.get("/tasks/0198c0de-0000-7000-8000-000000000000", headers=HOST)
    client.get("/no/such/path", headers=HOST)
    client.open("/tasks", method="BREW", headers=HOST)
    client.post("/tasks", json={"nonsense": 1}, headers=HOST)

    after = samples(client, name)

    grown = {key: after[key] - before.get(key, 0) for key in after if after[key] != before.get(key)}
    assert grown == {
        ("GET", "/metrics", "200"): 2,
        ("GET", "/tasks/{task_id}", "200"): 1,
        ("GET", "/tasks/{task_id}", "404"): 1,
        ("GET", "unmatched", "404"): 1,
        ("other", "unmatched", "405"): 1,
        ("POST", "/tasks", "422"): 1,
    }
    now = samples(client, refusals)
    assert {key: now[key] - refused[key] for key in now if now[key] != refused[key]} == {
        ("task_not_found",): 1,
        ("route_not_found",): 1,
        ("method_not_allowed",): 1,
        ("invalid_request",): 1,
    }
    counts = samples(client, "task_manager_http_request_seconds_count")
    of_tasks = [number for key, number in after.items() if key[:2] == ("GET", "/tasks/{task_id}")]
    assert counts["GET", "/tasks/{task_id}"] == sum(of_tasks)


def test_labels_are_bounded_and_hold_nothing_of_a_caller(
    client: FlaskClient, store: FakeTaskStore
) -> None:
    task = submit(store, task_name="secret-name", labels={"tenant": "secret-label"})
    client.get(f"/tasks/{task.task_id}", headers={**HOST, "X-Request-ID": "secret-request"})
    client.get("/tasks?q=secret-search", headers=HOST)
    client.get("/secret-path", headers=HOST)

    text = client.get("/metrics", headers=HOST).text

    assert "secret" not in text
    assert task.task_id not in text
    assert set(re.findall(r'[{,](\w+)="', text)) == LABELS


def test_buckets_grow_up_to_the_count(client: FlaskClient, store: FakeTaskStore) -> None:
    submit(store)
    families = {each.name: each for each in plain(client.get("/metrics", headers=HOST).text)}
    for name in ("queue_wait_seconds", "type_run_seconds", "http_request_seconds"):
        found = families[f"task_manager_{name}"].samples
        values = [each.value for each in found if each.name.endswith("_bucket")]
        counts = [each.value for each in found if each.name.endswith("_count")]
        limits = [float(each.labels["le"]) for each in found if each.name.endswith("_bucket")]
        size = len(values) // len(counts)
        for at, count in enumerate(counts):
            part = slice(at * size, (at + 1) * size)
            assert values[part] == sorted(values[part])
            assert limits[part] == sorted(limits[part])
            assert values[part][-1] == count


def test_without_the_store_the_requests_are_still_counted(
    client: FlaskClient, store: FakeTaskStore
) -> None:
    store.away = True

    response = client.get("/metrics", headers=HOST)

    assert response.status_code == 200
    names = {family.name for family in plain(response.text)}
    assert names == {
        f"task_manager_{name}"
        for name in ("redis_up", "http_requests", "http_request_seconds", "refusals")
    }
    assert "\ntask_manager_redis_up 0.0\n" in response.text


def test_the_response_can_be_compressed_and_is_not_stored(client: FlaskClient) -> None:
    response = client.get("/metrics", headers={**HOST, "Accept-Encoding": "gzip"})

    assert response.headers["Content-Encoding"] == "gzip"
    assert b"task_manager_redis_up" in gzip.decompress(response.data)
    assert response.headers["Cache-Control"] == "no-store"


def test_a_query_is_refused(client: FlaskClient) -> None:
    assert client.get("/metrics?name[]=up", headers=HOST).status_code == 422
