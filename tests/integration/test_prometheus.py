"""A real Prometheus reads the metrics; its rules and the queries of the dashboard work on them."""

import json
import math
import re
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
import redis

from tests.integration.processes import Api, ServiceProcess
from tests.integration.prometheus import (
    FOLDER,
    Prometheus,
    promtool,
    require_prometheus,
    running_prometheus,
)
from tests.integration.receiver import Receiver, Response
from tests.integration.waiting import wait_until

API_SETTINGS = {
    "handlers": "tests.integration.dashboard_handlers",
    "http_allowed_networks": "127.0.0.0/8",
}
ALERT = re.compile(r"^ +- alert: (\w+)$", re.MULTILINE)
DASHBOARD = json.loads((FOLDER / "grafana" / "dashboards" / "task-manager.json").read_text())
QUERIES = [target["expr"] for panel in DASHBOARD["panels"] for target in panel["targets"]]
VARIABLES = {"$__rate_interval": "1m", "$queue": ".*", "$type": ".*"}


@pytest.fixture(autouse=True)
def _prometheus_is_installed() -> None:
    require_prometheus()


def test_the_configuration_and_the_rules_are_valid() -> None:
    promtool("check", "config", "--syntax-only", "prometheus.yml")
    promtool("check", "rules", "rules.yml")


def test_each_alert_fires_when_it_should_and_only_then() -> None:
    cases = (FOLDER / "rules.test.yml").read_text()

    promtool("test", "rules", "rules.test.yml")

    for alert in ALERT.findall((FOLDER / "rules.yml").read_text()):
        checks = re.findall(rf"alertname: {alert}\n( +exp_alerts:)?", cases)
        assert {bool(each) for each in checks} == {True, False}, alert


def test_the_metrics_follow_the_rules_of_prometheus(api: Api) -> None:
    api.submit()
    api.request("GET", "/tasks")

    text = api.request("GET", "/metrics").text

    assert promtool("check", "metrics", text=text) == ""


@pytest.fixture
def memory_limit(client: redis.Redis) -> Iterator[None]:
    client.config_set("maxmemory", 2**30)
    yield
    client.config_set("maxmemory", 0)


@pytest.mark.slow
@pytest.mark.usefixtures("memory_limit")
def test_prometheus_scrapes_the_api_and_no_query_of_the_dashboard_is_empty(
    api: Api, redis_url: str, tmp_path: Path
) -> None:
    settings = {"redis_url": redis_url, **API_SETTINGS, "worker_concurrency": 2}
    with (
        ServiceProcess("worker", tmp_path / "worker.log", data_dir=tmp_path, **settings),
        ServiceProcess("maintenance", tmp_path / "maintenance.log", **settings),
        Receiver(*[Response(), Response(500)] * 1_000) as receiver,
        running_prometheus(tmp_path, f"127.0.0.1:{api.port}") as prometheus,
    ):
        api.submit(queue="lonely")

        def is_complete() -> bool:
            work(api, f"{receiver.url}/done")
            empty = [query for query in QUERIES if not has_value(prometheus, query)]
            print("No value:", *empty, sep="\n  ")
            return not empty

        wait_until(is_complete, 240)

        [target] = prometheus.get("targets")["activeTargets"]
        assert (target["health"], target["lastError"]) == ("up", "")
        [group] = prometheus.get("rules")["groups"]
        assert {rule["health"] for rule in group["rules"]} == {"ok"}
        alerts = 'ALERTS{alertname="TaskManagerQueueWithoutWorker", queue="lonely"}'
        wait_until(lambda: prometheus.values(alerts) == [1])
        for status in ("COMPLETED", "FAILED"):
            wait_until(partial(counts_every_end, prometheus, api, status))


def work(api: Api, callback_url: str) -> None:
    """Let the service do a bit of everything."""
    api.submit(callback_url=callback_url)
    for attempts in (1, 2):
        retry = {"max_attempts": attempts, "initial_delay": 1}
        task = {"task_name": "fails", "type": "failing", "payload": {"reason": "no"}}
        assert api.request("POST", "/tasks", json={**task, "retry": retry}).status_code == 202
    assert api.request("GET", "/no/such/path").status_code == 404


def has_value(prometheus: Prometheus, query: str) -> bool:
    for name, value in VARIABLES.items():
        query = query.replace(name, value)
    return any(not math.isnan(value) for value in prometheus.values(query))


def counts_every_end(prometheus: Prometheus, api: Api, status: str) -> bool:
    """Return whether Prometheus knows as many ends as the statistics of the service have."""
    [total] = prometheus.values(f'sum(task_manager_queue_tasks_ended_total{{status="{status}"}})')
    ended = api.request("GET", "/stats").json()["by_status"][status]
    assert total <= ended
    return bool(total == ended)
