"""A few requests at a time do what takes long, and the others wait or are refused."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from io import BytesIO
from threading import Barrier, Event
from types import SimpleNamespace

import pytest
from flask import Flask
from flask.testing import FlaskClient
from gevent import GreenletExit

from entrypoints.api.concurrency.batch_line import BatchLine, Overloaded
from entrypoints.api.concurrency.capacity import MIN_DESCRIPTORS, Capacity
from entrypoints.api.concurrency.work_line import MAX_USUAL_VALUES, WorkLine, WorkLines
from tests.fakes.task_store import FakeTaskStore
from tests.integration.waiting import PATIENCE, wait_until
from tests.storing import submit
from tests.unit.entrypoints.calls import allow_bodies


@pytest.fixture
def threads() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(8) as threads:
        yield threads


def test_so_many_have_their_turn_at_once_and_the_others_wait(threads: ThreadPoolExecutor) -> None:
    line, running, may_end = WorkLine("reads", 2, 10), list[int](), Event()

    def work(number: int) -> None:
        with line.turn():
            running.append(number)
            may_end.wait(PATIENCE)
            running.remove(number)

    calls = [threads.submit(work, number) for number in range(6)]
    wait_until(lambda: line._number == 6)
    wait_until(lambda: len(running) == 2)
    may_end.set()
    for call in calls:
        call.result()

    assert running == []


def test_one_more_than_the_line_holds_is_refused_at_once(threads: ThreadPoolExecutor) -> None:
    line, all_wait, may_end = WorkLine("reads", 1, 2), Barrier(4), Event()

    def work() -> None:
        all_wait.wait(PATIENCE)
        with line.turn():
            may_end.wait(PATIENCE)

    calls = [threads.submit(work) for _ in range(3)]
    all_wait.wait(PATIENCE)
    wait_until(lambda: line._number == 3)
    for _ in range(2):
        with pytest.raises(Overloaded, match="3 reads run or wait"), line.turn():
            pytest.fail("it had a turn")
    may_end.set()
    for call in calls:
        call.result()

    with line.turn():
        pass


def test_one_that_fails_leaves_its_turn_to_the_next() -> None:
    line = WorkLine("reads", 1, 0)
    for _ in range(2):
        with pytest.raises(ZeroDivisionError), line.turn():
            raise ZeroDivisionError


def test_one_that_had_to_wait_ends_if_it_is_no_longer_wanted(threads: ThreadPoolExecutor) -> None:
    def end() -> None:
        raise ZeroDivisionError

    def work() -> str:
        with line.turn():
            return "done"

    line = WorkLine("reads", 1, 2, end)
    with line.turn():
        calls = [threads.submit(work) for _ in range(2)]
        wait_until(lambda: line._number == 3)

    for call in calls:
        with pytest.raises(ZeroDivisionError):
            call.result()
    assert work() == "done"


@pytest.mark.parametrize("name", ["long_reads", "searches", "combined"])
def test_a_read_whose_client_left_while_it_waited_is_not_begun(
    app: Flask, threads: ThreadPoolExecutor, name: str
) -> None:
    line: WorkLine = getattr(WorkLines.within(Capacity.of(1_024)), name)
    begun: list[bool] = []

    def read(*, has_left: bool) -> None:
        connection = SimpleNamespace(has_left=lambda: has_left)
        environ = {"gunicorn.socket": connection}
        with app.test_request_context(environ_overrides=environ), line.turn():
            begun.append(has_left)

    with ExitStack() as others:
        for _ in range(8 if name != "searches" else 4):
            others.enter_context(line.turn())
        calls = [threads.submit(read, has_left=each) for each in (True, False)]
        wait_until(lambda: line._number == (10 if name != "searches" else 6))

    with pytest.raises(GreenletExit):
        calls[0].result()
    calls[1].result()
    read(has_left=True)
    assert begun == [False, True], "one that does not wait is not asked"


@pytest.mark.parametrize("descriptors", [MIN_DESCRIPTORS, 256, 1_024, 1_048_576])
def test_the_lines_leave_connections_to_other_requests(descriptors: int) -> None:
    capacity = Capacity.of(descriptors)
    lines = WorkLines.within(capacity)

    taken = sum(line._limit for line in vars(lines).values())
    if descriptors > 256:
        assert taken + capacity.waits + capacity.pending < capacity.connections
    assert min(line._limit for line in vars(lines).values()) >= 4


@pytest.mark.parametrize(
    "path",
    [
        *("attempts", "deliveries", "logs"),
        *(
            "/queues",
            "/queues/default/scaling",
            "/stats",
            "/stats/series",
            "/tasks/counts",
            "/deliveries",
        ),
    ],
)
def test_long_reads_wait_in_one_line(
    app: Flask, client: FlaskClient, store: FakeTaskStore, path: str
) -> None:
    task = submit(store)
    url = path if path.startswith("/") else f"/tasks/{task.task_id}/{path}"
    assert client.get(url).status_code == 200

    with _full(app, "long_reads").turn():
        response = client.get(url)
        assert (response.status_code, response.json["code"]) == (503, "overloaded")
        assert response.headers["Retry-After"]
        assert client.get(f"/tasks/{task.task_id}").status_code == 200

    assert client.get(url).status_code == 200


@pytest.mark.parametrize("path", ["/tasks", "/events"])
@pytest.mark.parametrize("query", ["q=x", "task_name=x"])
def test_searches_wait_in_one_line(app: Flask, client: FlaskClient, path: str, query: str) -> None:
    with _full(app, "searches").turn():
        response = client.get(f"{path}?{query}")
        assert (response.status_code, response.json["code"]) == (503, "overloaded")
        with client.get(f"{path}?queue=default") as other:
            assert other.status_code == 200

    with client.get(f"{path}?{query}") as response:
        assert response.status_code == 200


@pytest.mark.parametrize("path", ["/tasks", "/events"])
@pytest.mark.parametrize(
    "query",
    [
        "queue=a&type=sleep",
        "status=QUEUED,FAILED",
        "label=a:b&label=c:d",
    ],
)
def test_searches_by_several_filters_wait_in_a_line_of_their_own(
    app: Flask, client: FlaskClient, path: str, query: str
) -> None:
    with _full(app, "combined").turn():
        response = client.get(f"{path}?{query}")
        assert (response.status_code, response.json["code"]) == (503, "overloaded")
        for other in ("queue=default", "status=QUEUED", "label=a:b", "q=x"):
            with client.get(f"{path}?{other}") as served:
                assert served.status_code == 200


class UnreadBody(BytesIO):
    """A body that must not be read."""

    def read(self, *_: object) -> bytes:
        pytest.fail("the body was read")

    readinto = readline = read


def test_an_action_that_finds_no_room_is_refused_before_its_body_is_read(
    app: Flask, client: FlaskClient
) -> None:
    with _full(app, "actions").turn():
        body = UnreadBody(b"{}")
        response = client.post("/tasks/actions", input_stream=body, content_type="application/json")

    assert (response.status_code, response.json["code"]) == (503, "overloaded")
    assert client.post("/tasks/actions", json={"action": "retry", "ids": ["x"]}).status_code == 200


@pytest.mark.parametrize("query", ["", "?unknown=1"])
def test_large_bodies_wait_in_one_line_before_they_are_parsed(
    app: Flask,
    client: FlaskClient,
    store: FakeTaskStore,
    query: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    allow_bodies(client, 65_536)
    task = submit(store, type="http", payload={"url": "https://example.com/"})
    one = f"/tasks/{task.task_id}"
    calls = [("POST", "/tasks"), ("PUT", one), ("PATCH", one)]

    def statuses(values: int) -> list[int]:
        payload = {"url": "https://example.com/", "json": [1] * (values - 5)}
        body = {"task_name": "new", "type": "http", "payload": payload}
        return [client.open(at + query, method=name, json=body).status_code for name, at in calls]

    with _full(app, "large_bodies").turn():
        with monkeypatch.context() as patched:
            patched.setattr("entrypoints.api.reading.strict_json.parse", None)
            assert statuses(MAX_USUAL_VALUES + 1) == [503, 503, 503]
        assert store.get(task.task_id) == task
        assert 503 not in statuses(MAX_USUAL_VALUES)

    assert 503 not in statuses(MAX_USUAL_VALUES + 1)


@pytest.mark.parametrize("path", ["/tasks/batch", "/tasks/actions"])
def test_no_body_is_parsed_before_its_turn_because_the_query_is_wrong(
    app: Flask, client: FlaskClient, path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    line = BatchLine(max_waiting=0)
    monkeypatch.setitem(app.extensions, "batch_line", line)
    monkeypatch.setattr("entrypoints.api.reading.strict_json.parse", None)

    with line.turn(), _full(app, "actions").turn():
        response = client.post(f"{path}?unknown=1", json={})

    assert (response.status_code, response.json["code"]) == (503, "overloaded")


def _full(app: Flask, name: str) -> WorkLine:
    """Return a line that holds one, in the place of one of the application's."""
    line = WorkLine("requests", 1, 0)
    app.extensions["work_lines"] = WorkLines(**{**vars(app.extensions["work_lines"]), name: line})
    return line
