"""Two processes of the API that keep what they read show the same as one that keeps nothing."""

from collections.abc import Callable
from datetime import UTC, datetime

import pytest
import redis
from flask.testing import FlaskClient
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from adapters.redis.run_log import RedisRunLog
from application.ports.task_repository import Change
from domain.task import Task
from domain.task_state import Progress
from entrypoints.api.app import create_app
from entrypoints.api.task_texts import TaskTexts
from entrypoints.container import Container, build_container
from entrypoints.environment import load_settings
from tests.building import AN_ERROR
from tests.integration.conftest import EVENTS_KEPT

pytestmark = pytest.mark.slow

HOST = {"Host": "127.0.0.1"}
LONG = "x" * 5_000


def a_process(cache_bytes: int) -> tuple[Container, FlaskClient]:
    """Return the container of a process, and a client of its application.

    One that keeps what it reads passes long results on as text, as the API does.
    """
    container = build_container(
        load_settings(), cache_bytes=cache_bytes, long_results_as_text=cache_bytes > 0
    )
    app = create_app(container)
    app.extensions["task_texts"] = TaskTexts(cache_bytes)
    return container, app.test_client()


class Site:
    """Two caching processes, one without a cache, and what changes tasks beside them."""

    def __init__(self) -> None:
        self.plain, self._uncached = a_process(cache_bytes=0)
        self._caching = [a_process(cache_bytes)[1] for cache_bytes in (2**20, 20_000)]
        self._log = RedisRunLog(self.plain.store(), EVENTS_KEPT)

    def writer(self, number: int) -> FlaskClient:
        return self._caching[number % 2]

    def read(self) -> None:
        """Read everything from each process, one task and lists, and compare."""
        ids = [task["task_id"] for task in self._uncached.get("/tasks", headers=HOST).json["tasks"]]
        urls = [f"/tasks/{task_id}" for task_id in ids]
        urls += [
            "/tasks",
            "/tasks?sort=-submitted_at&page_size=3",
            "/tasks?status=QUEUED",
            "/tasks?full=true",
        ]
        for url in urls:
            expected = self._uncached.get(url, headers=HOST)
            assert expected.status_code == 200, expected.json
            for client in self._caching:
                shown = client.get(url, headers=HOST)
                assert shown.get_data() == expected.get_data(), url
                assert shown.headers.get("ETag") == expected.headers.get("ETag"), url

    def tasks(self) -> list[Task]:
        response = self._uncached.get("/tasks?page_size=100", headers=HOST)
        repository = self.plain.repository()
        found = (repository.get(each["task_id"]) for each in response.json["tasks"])
        return [task for task in found if task]

    def submit(self, number: int) -> None:
        members = {"labels": {"team": str(number % 3)}, "priority": number % 10}
        work = {"type": "http", "payload": {"url": "http://127.0.0.1/", "body": LONG}}
        body = {"task_name": f"task {number}", **members}
        body |= work if number % 4 == 0 else {"duration": 1}
        self.writer(number).post("/tasks", json=body, headers=HOST)

    def patch(self, number: int) -> None:
        self._call(
            "patch", number, "", json={"task_name": f"new {number}", "priority": number % 10}
        )

    def cancel(self, number: int) -> None:
        self._call("post", number, "/cancel")

    def retry(self, number: int) -> None:
        self._call("post", number, "/retry")

    def delete(self, number: int) -> None:
        self._call("delete", number, "")

    def claim(self, number: int) -> None:
        self.plain.leases().claim("default", owner=f"host:{number}", claim_id=str(number))

    def report(self, number: int) -> None:
        for task in self._running(number):
            self._log.append(task, progress=Progress(fraction=number % 100 / 100))

    def complete(self, number: int) -> None:
        result = {"long": [LONG]} if number % 3 == 0 else {"number": number}
        self._end(number, lambda task, now: task.complete(result, now))

    def fail(self, number: int) -> None:
        self._end(number, lambda task, now: task.fail(AN_ERROR, now))

    def lose(self, number: int) -> None:
        self._end(number, lambda task, now: task.lose(now))

    def _call(self, method: str, number: int, path: str, **options: object) -> None:
        if tasks := self.tasks():
            task = tasks[number % len(tasks)]
            getattr(self.writer(number), method)(
                f"/tasks/{task.task_id}{path}", headers=HOST, **options
            )

    def _running(self, number: int) -> list[Task]:
        running = [task for task in self.tasks() if task.owner]
        return [running[number % len(running)]] if running else []

    def _end(self, number: int, end: Callable[[Task, datetime], Task]) -> None:
        for task in self._running(number):
            self.plain.repository().save(Change(before=task, after=end(task, datetime.now(UTC))))


CHANGES = (
    "submit",
    "patch",
    "cancel",
    "retry",
    "delete",
    "claim",
    "report",
    "complete",
    "fail",
    "lose",
)


@pytest.fixture
def site(redis_url: str, monkeypatch: pytest.MonkeyPatch) -> Site:
    monkeypatch.setenv("TASKS_REDIS_URL", redis_url)
    return Site()


@settings(
    deadline=None,
    max_examples=25,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(changes=st.lists(st.tuples(st.sampled_from(CHANGES), st.integers(0, 999)), max_size=25))
def test_no_read_shows_an_old_state(
    changes: list[tuple[str, int]], site: Site, client: redis.Redis
) -> None:
    client.flushall()
    site.submit(0)
    site.submit(1)
    site.read()
    for change, number in changes:
        getattr(site, change)(number)
        site.read()
