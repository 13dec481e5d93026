"""GET /metrics over real processes: what one of them counts, all of them tell."""

import socket
from concurrent.futures import ThreadPoolExecutor

import psutil
import requests

from tests.integration.following import Follower
from tests.integration.processes import Api, is_dead
from tests.integration.waiting import PATIENCE, wait_until

SUBMITTED = "task_manager_queue_tasks_submitted_total"


def metrics(api: Api) -> dict[str, float]:
    response = api.request("GET", "/metrics")
    assert response.status_code == 200, response.text
    lines = (line for line in response.text.splitlines() if not line.startswith("#"))
    return {name: float(value) for name, _, value in (line.rpartition(" ") for line in lines)}


def reads_of(api: Api, found: dict[str, float]) -> float:
    """Return the number of responses to GET /tasks."""
    name = 'task_manager_http_requests_total{method="GET",route="/tasks",status="200"}'
    return found.get(name, 0)


def server_processes(api: Api) -> list[psutil.Process]:
    return [child for child in api.children() if not is_dead(child)]


class TestProcesses:
    def test_requests_of_all_processes_count_together_and_outlive_them(self, api: Api) -> None:
        before = reads_of(api, metrics(api))
        for _ in range(40):
            api.request("GET", "/tasks")
        assert {reads_of(api, metrics(api)) - before for _ in range(20)} == {40}

        for process in server_processes(api):
            process.kill()
            wait_until(lambda process=process: is_dead(process))  # type: ignore[misc]
            wait_until(lambda: responds(api))
            api.request("GET", "/tasks")
        wait_until(lambda: len(server_processes(api)) == 2)

        assert {reads_of(api, metrics(api)) - before for _ in range(20)} == {42}

    def test_sixteen_clients_side_by_side_get_all_metrics_beside_writers(self, api: Api) -> None:
        def client(number: int) -> list[float]:
            seen = []
            for _ in range(10):
                if number % 2:
                    api.submit(queue=f"q{number}")
                seen.append(metrics(api).get(f'{SUBMITTED}{{queue="q{number}"}}', 0))
            return seen

        with ThreadPoolExecutor(16) as pool:
            found = list(pool.map(client, range(16)))

        assert found == [
            [float(each) for each in range(1, 11)] if number % 2 else [0.0] * 10
            for number in range(16)
        ]

    def test_bytes_that_are_no_request_are_refusals(self, api: Api) -> None:
        name = 'task_manager_refusals_total{code="malformed_request"}'
        before = metrics(api)[name]

        with socket.create_connection(("127.0.0.1", api.port), PATIENCE) as connection:
            connection.sendall(b"no request\r\n\r\n")
            assert connection.recv(65_536).startswith(b"HTTP/1.1 400 ")

        assert metrics(api)[name] == before + 1

    def test_events_lag_while_a_process_with_followers_does_not_read_them(self, api: Api) -> None:
        name = "task_manager_events_lag_seconds"
        follower = Follower(api, "/events")
        api.submit()
        follower.wait_for("task.submitted")
        assert metrics(api)[name] == 0
        [reader] = wait_until(lambda: processes_with_clients(api))

        reader.suspend()
        try:
            api.submit()
            wait_until(lambda: metrics(api)[name] > 1)
        finally:
            reader.resume()

        wait_until(lambda: metrics(api)[name] == 0)


def responds(api: Api) -> bool:
    try:
        return api.request("GET", "/livez").status_code == 200
    except requests.RequestException:
        return False


def processes_with_clients(api: Api) -> list[psutil.Process]:
    """Return the one process that has a client; nothing while several have."""
    found = [
        child
        for child in api.children()
        if any(
            each.status == psutil.CONN_ESTABLISHED and each.laddr.port == api.port
            for each in child.net_connections()
        )
    ]
    return found if len(found) == 1 else []
