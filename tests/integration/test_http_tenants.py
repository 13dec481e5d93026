"""Tenants side by side on real processes: none is told of the tasks of another, or changes one."""

import random
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event
from typing import Any
from uuid import uuid4

import pytest
import requests

from tests.integration.following import Follower
from tests.integration.keyed import a_token, bearer
from tests.integration.processes import Api, ServiceProcess
from tests.integration.waiting import wait_until
from tests.integration.workers import a_worker

API_SETTINGS = {"auth": "keys", "http_workers": 2}
CLIENTS_OF_EACH = 4
CALLS = 50
STREAM_PATHS = ("/events", "/events?status=QUEUED")


@dataclass
class Tenant:
    """A caller whose tasks all have its secret in their name."""

    token: str
    members: dict[str, Any] = field(default_factory=dict)
    is_calm: bool = False
    """True for one that only submits and reads."""
    secret: str = field(default_factory=lambda: uuid4().hex)
    ids: set[str] = field(default_factory=set)
    """Ids of the tasks that were accepted."""
    told: list[str] = field(default_factory=list)
    totals: list[int] = field(default_factory=list)

    def task(self, **members: Any) -> dict[str, Any]:
        return {"task_name": f"of {self.secret}", "duration": 1, **self.members, **members}

    def call(self, api: Api, method: str, path: str, **options: Any) -> requests.Response:
        headers = {**bearer(self.token), **options.pop("headers", {})}
        response = api.request(method, path, headers=headers, **options)
        assert response.status_code < 500, response.text
        self.told.append(f"{response.headers}{response.text}")
        if path.startswith("/tasks?"):
            self.totals.append(response.json()["pagination"]["total_tasks"])
        return response


@pytest.fixture
def tenants(redis_url: str) -> list[Tenant]:
    bound = [a_token(redis_url, "operator", "--label", f"tenant={name}") for name in ("a", "b")]
    return [
        Tenant(bound[0], is_calm=True),
        Tenant(bound[1]),
        Tenant(a_token(redis_url, "operator", "--queue", "own"), {"queue": "own"}),
        Tenant(a_token(redis_url, "submitter")),
    ]


@pytest.fixture
def worker(redis_url: str, tmp_path: Path) -> Iterator[ServiceProcess]:
    queues = "default,own"
    with a_worker(redis_url, tmp_path / "worker.log", worker_queues=queues) as worker:
        yield worker


@pytest.mark.slow
@pytest.mark.usefixtures("worker", "maintenance")
def test_no_tenant_is_told_of_another_or_changes_what_it_has(
    api: Api, redis_url: str, tenants: list[Tenant]
) -> None:
    streams = [
        (tenant, Follower(api, path, headers=bearer(tenant.token)))
        for tenant in tenants
        for path in STREAM_PATHS
    ]
    ready = Event()
    with ThreadPoolExecutor(CLIENTS_OF_EACH * len(tenants)) as clients:
        runs = [
            clients.submit(live, api, tenant, tenants, random.Random(seed), ready)
            for tenant in tenants
            for seed in range(CLIENTS_OF_EACH)
        ]
        ready.set()
        for run in runs:
            run.result()

    calm = tenants[0]
    for task_id in calm.ids:
        task = calm.call(api, "GET", f"/tasks/{task_id}").json()
        assert (task["task_name"], task["status"] == "CANCELLED") == (f"of {calm.secret}", False)
    admin = Tenant(a_token(redis_url, "admin"))
    counted = [count_of(api, each) for each in [*tenants, admin]]
    assert counted[0] == len(calm.ids)
    assert counted[-1] == sum(counted[:-1])
    wait_until(lambda: all(follower.events for _, follower in streams))
    for tenant in tenants:
        told = "".join(tenant.told) + repr([f.events for each, f in streams if each is tenant])
        assert tenant.secret in told
        assert not any(other.secret in told for other in tenants if other is not tenant)
        assert max(tenant.totals) <= len(tenant.ids)


def count_of(api: Api, tenant: Tenant) -> int:
    total: int = tenant.call(api, "GET", "/tasks?page_size=1").json()["pagination"]["total_tasks"]
    return total


def live(api: Api, tenant: Tenant, tenants: list[Tenant], rng: random.Random, ready: Event) -> None:
    ready.wait()
    submit(api, tenant, rng)
    for _ in range(CALLS):
        other = rng.choice([each for each in tenants if each is not tenant])
        rng.choice(DEEDS)(api, tenant, rng, other)


def submit(api: Api, tenant: Tenant, rng: random.Random, _: Tenant | None = None) -> None:
    """All tenants use the same idempotency keys."""
    number = rng.randrange(20)
    response = tenant.call(
        api,
        "POST",
        "/tasks",
        json=tenant.task(duration=1 + number % 3),
        headers={"Idempotency-Key": f"key-{number}"} if number else {},
    )
    assert response.status_code == 202, response.text
    tenant.ids.add(response.json()["task_id"])


def submit_many(api: Api, tenant: Tenant, _: random.Random, __: Tenant) -> None:
    tasks = [tenant.task(), tenant.task(priority=9)]
    response = tenant.call(api, "POST", "/tasks/batch", json={"tasks": tasks})
    assert response.status_code == 202, response.text
    tenant.ids.update(task["task_id"] for task in response.json()["tasks"])


def read_lists(api: Api, tenant: Tenant, rng: random.Random, other: Tenant) -> None:
    narrowed = rng.choice(
        [
            f"q={other.secret[:12]}",
            "label=tenant:a",
            "label=tenant:b",
            "queue=own",
            "queue=default",
            "status=QUEUED&sort=-submitted_at",
            "full=true&page_size=100",
        ]
    )
    tenant.call(api, "GET", f"/tasks?{narrowed}")
    counted = tenant.call(api, "GET", f"/tasks/counts?{narrowed.partition('&')[0]}")
    assert counted.status_code in {200, 422}
    tenant.call(api, "GET", rng.choice(["/queues", "/types", "/session", "/deliveries"]))


def read_foreign(api: Api, tenant: Tenant, rng: random.Random, other: Tenant) -> None:
    if other.ids:
        task_id = rng.choice(sorted(other.ids))
        part = rng.choice(["", "/logs", "/attempts", "/deliveries", "/events"])
        response = tenant.call(api, "GET", f"/tasks/{task_id}{part}")
        assert response.status_code == 404, response.text


def meddle(api: Api, tenant: Tenant, rng: random.Random, other: Tenant) -> None:
    """Change what others have, and cancel all that the tenant itself can name."""
    if tenant.is_calm or not other.ids:
        return
    task_id = rng.choice(sorted(other.ids))
    method, path, body = rng.choice(
        [
            ("PATCH", f"/tasks/{task_id}", {"task_name": "changed"}),
            ("DELETE", f"/tasks/{task_id}", None),
            ("POST", f"/tasks/{task_id}/cancel", None),
            ("POST", f"/tasks/{task_id}/retry", None),
        ]
    )
    response = tenant.call(api, method, path, json=body)
    assert response.status_code in {403, 404}, response.text
    actions = {"action": "cancel", "ids": sorted(other.ids)[:50]}
    tenant.call(api, "POST", "/tasks/actions", json=actions)
    everything = {"action": "cancel", "filter": {"q": "of "}}
    tenant.call(api, "POST", "/tasks/actions", json=everything)


DEEDS: Sequence[Callable[[Api, Tenant, random.Random, Tenant], None]] = (
    submit,
    submit_many,
    read_lists,
    read_foreign,
    meddle,
)
