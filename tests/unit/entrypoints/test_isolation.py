"""No tenant learns anything of another: what it is told is the same whether others exist or not.

A random program of two tenants runs twice on the whole API, once without the calls of the second
tenant. All that the first one is told must be the same: status, headers and body. Ids of events are
left out: they are times, and here they are numbers.
"""

import re
from collections import Counter
from datetime import datetime, timedelta
from itertools import islice
from typing import Any, NamedTuple

import pytest
from dependency_injector import providers
from flask import Flask
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from application.ports.callers import Callers
from application.ports.secret_source import SecretSource
from application.ports.task_ids import TaskIds
from domain.access import Role
from entrypoints.api.access.open_streams import OpenStreams
from entrypoints.container import Container
from tests.building import NOON
from tests.fakes.access_keys import FakeAccessKeys
from tests.fakes.clock import FakeClock
from tests.fakes.event_stream import FakeEventStream
from tests.fakes.heartbeats import FakeHeartbeats
from tests.fakes.task_store import FakeTaskStore
from tests.unit.entrypoints.conftest import SETTINGS
from tests.unit.entrypoints.in_memory import fill_container

STREAM_PARTS = 5
STEP = timedelta(minutes=10)
EVENT_ID = re.compile(rb"^id: .*\n", re.MULTILINE)
Told = tuple[int, list[tuple[str, str]], bytes]
FIRST, SECOND = "first", "second"
BOUNDS: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "labels": (
        {"role": Role.OPERATOR, "labels": {"tenant": "a"}},
        {"role": Role.OPERATOR, "labels": {"tenant": "b"}},
    ),
    "queues": (
        {"role": Role.OPERATOR, "queues": ["a", "both"]},
        {"role": Role.OPERATOR, "queues": ["b"]},
    ),
    "submitters": ({"role": Role.SUBMITTER}, {"role": Role.SUBMITTER}),
    "viewer": (
        {"role": Role.VIEWER, "labels": {"tenant": "a"}},
        {"role": Role.OPERATOR, "labels": {"tenant": "b"}, "queues": ["b", "default"]},
    ),
}


class Call(NamedTuple):
    """A call of one tenant. It may name tasks of both."""

    tenant: str
    method: str
    path: str
    body: Any = None
    headers: tuple[tuple[str, str], ...] = ()


class NumberedIds(TaskIds):
    """Ids that do not depend on what other tenants submit."""

    def __init__(self, callers: Callers) -> None:
        self._callers = callers
        self._counts: Counter[str] = Counter()

    def next(self) -> str:
        name = self._callers.current().name
        self._counts[name] += 1
        return task_id(name, self._counts[name])


def task_id(name: str, number: int) -> str:
    """Return a UUID of version 7."""
    return f"{number:08x}-0000-7000-8000-{'a' if name == FIRST else 'b'}{number:011x}"


numbers = st.integers(1, 6)
members = st.fixed_dictionaries(
    {"task_name": st.sampled_from(["x", "y"]), "duration": st.just(3)},
    optional={
        "queue": st.sampled_from(["a", "b", "both", "default"]),
        "priority": st.integers(0, 9),
        "labels": st.dictionaries(
            st.sampled_from(["tenant", "size"]), st.sampled_from(["a", "b"]), max_size=2
        ),
        "run_at": st.just("2030-01-01T00:00:00Z"),
    },
)
filters = st.fixed_dictionaries(
    {},
    optional={
        "queue": st.sampled_from(["a", "b", "both"]),
        "status": st.just(["QUEUED"]),
        "labels": st.fixed_dictionaries({"tenant": st.sampled_from(["a", "b"])}),
        "task_name": st.just("x"),
    },
)
queries = st.sampled_from(
    [
        "",
        "?queue=a",
        "?queue=b",
        "?label=tenant:a",
        "?label=tenant:b",
        "?status=QUEUED,CANCELLED",
        "?status=QUEUED&queue=b",
        "?q=x",
        "?type=sleep",
    ]
)
pages = st.sampled_from(["", "limit=1", "limit=1&page=2", "order=newest", "full=true"])
keys = st.sampled_from([(), (("Idempotency-Key", "one"),), (("Idempotency-Key", "two"),)])


def calls(tenant: str) -> st.SearchStrategy[Call]:
    """Return calls of every kind that a tenant can make."""
    task = st.tuples(st.sampled_from([FIRST, SECOND]), numbers).map(lambda each: task_id(*each))

    def call(method: str, path: st.SearchStrategy[str], body: Any = None) -> Any:
        bodies = st.none() if body is None else body
        return st.builds(Call, st.just(tenant), st.just(method), path, bodies, keys)

    below = ("", "/attempts", "/logs", "/deliveries", "/events")
    ids = st.lists(task, min_size=1, max_size=4)
    action = st.sampled_from(["cancel", "retry", "delete"])
    actions = st.one_of(
        st.fixed_dictionaries({"action": action, "filter": filters, "dry_run": st.booleans()}),
        st.fixed_dictionaries({"action": action, "ids": ids}),
    )
    patch = st.fixed_dictionaries(
        {},
        optional={
            "task_name": st.just("z"),
            "queue": st.sampled_from(["a", "b"]),
            "labels": st.sampled_from([None, {"tenant": "b"}, {"tenant": None}]),
        },
    )
    batches = st.fixed_dictionaries({"tasks": st.lists(members, min_size=1, max_size=3)})
    fixed = ["/queues", "/queues/a/scaling", "/types", "/session", "/stats", "/stats/series"]
    fixed += ["/workers", "/deliveries"]
    return st.one_of(
        call("POST", st.just("/tasks"), members),
        call("POST", st.just("/tasks"), members),
        call("POST", st.just("/tasks/batch"), batches),
        call("GET", st.builds("/tasks{}".format, queries)),
        call("GET", st.builds("/tasks?{}".format, pages)),
        call("GET", st.builds("/tasks/counts{}".format, queries)),
        call("GET", st.builds("/events{}".format, queries)),
        *(call("GET", st.builds(f"/tasks/{{}}{end}".format, task)) for end in below),
        call("PATCH", st.builds("/tasks/{}".format, task), patch),
        call("PUT", st.builds("/tasks/{}".format, task), members),
        call("POST", st.builds("/tasks/{}/cancel".format, task)),
        call("POST", st.builds("/tasks/{}/retry".format, task)),
        call("POST", st.builds("/tasks/{}/deliveries/1/resend".format, task)),
        call("DELETE", st.builds("/tasks/{}".format, task)),
        call("POST", st.just("/tasks/actions"), actions),
        call("GET", st.sampled_from(fixed)),
        call("POST", st.sampled_from(["/queues/a/pause", "/queues/b/pause"])),
        call("DELETE", st.sampled_from(["/queues/a", "/queues/b"])),
    )


class World:
    """The whole API over a store of its own, with a key for each tenant."""

    def __init__(self, app: Flask, bounds: tuple[dict[str, Any], dict[str, Any]]) -> None:
        self._clock = clock = FakeClock()
        store = FakeTaskStore(clock)
        container = Container(settings=SETTINGS, tells_callers_apart=True)
        fill_container(
            container, store, clock, FakeEventStream(store, clock), FakeHeartbeats(clock)
        )
        fakes = {"access_keys": FakeAccessKeys(clock), "secret_source": NumberedSecrets()}
        for name, fake in fakes.items():
            getattr(container, name).override(providers.Object(fake))
        container.task_ids.override(providers.Object(NumberedIds(container.callers())))
        container.warn_about_queues()  # begins to count when the process starts
        app.extensions["container"] = container
        app.extensions["open_streams"] = OpenStreams(container.authenticate())
        self._client = app.test_client()
        self._tokens = {
            name: str(container.manage_keys().create(name=name, **bound).token)
            for name, bound in zip((FIRST, SECOND), bounds, strict=True)
        }

    def told(self, call: Call, at: datetime) -> Told:
        """Make a call at a time and return all that its caller is told."""
        self._clock.advance(at - self._clock.now())  # a quiet stream lets some minutes pass
        headers = {"Authorization": f"Bearer {self._tokens[call.tenant]}", "X-Request-ID": "r"}
        response = self._client.open(
            call.path,
            method=call.method,
            json=call.body,
            headers={**headers, **dict(call.headers)},
        )
        if response.mimetype == "text/event-stream":
            parts = islice(response.iter_encoded(), STREAM_PARTS)
            text = b"".join(parts)
            response.close()
        else:
            text = response.data
        return response.status_code, sorted(response.headers), EVENT_ID.sub(b"", text)


class NumberedSecrets(SecretSource):
    def __init__(self) -> None:
        self._number = 0

    def key_id(self) -> str:
        self._number += 1
        return f"{self._number:012}"

    def secret(self) -> str:
        return f"{self._number:043}"


@pytest.mark.parametrize("bounds", BOUNDS)
@settings(max_examples=40, suppress_health_check=list(HealthCheck))
@given(program=st.lists(st.one_of(calls(FIRST), calls(SECOND)), min_size=4, max_size=25))
def test_a_tenant_is_told_the_same_whether_another_exists_or_not(
    guarded_app: Flask, bounds: str, program: list[Call]
) -> None:
    told = []
    for others in (True, False):
        world = World(guarded_app, BOUNDS[bounds])
        transcript = []
        for number, call in enumerate(program):
            at = NOON + number * STEP
            if call.tenant == FIRST:
                transcript.append(world.told(call, at))
            elif others:
                world.told(call, at)
        told.append(transcript)

    assert told[0] == told[1]
