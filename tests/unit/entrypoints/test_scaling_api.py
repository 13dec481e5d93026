"""GET /queues/<queue>/scaling."""

import pytest
from flask.testing import FlaskClient

from tests.building import a_task
from tests.contracts.heartbeats import a_process
from tests.fakes.heartbeats import FakeHeartbeats
from tests.fakes.task_store import FakeTaskStore


def test_the_response_has_each_number_even_if_it_is_0(client: FlaskClient) -> None:
    response = client.get("/queues/media/scaling")

    assert response.status_code == 200
    assert response.json == {
        "desired_places": 0,
        "backlog": 0,
        "oldest_waiting_seconds": 0,
        "idle_workers": 0,
    }


def test_the_numbers_are_those_of_the_queue(
    client: FlaskClient, store: FakeTaskStore, heartbeats: FakeHeartbeats
) -> None:
    store.add([a_task(queue="media") for _ in range(7)])
    heartbeats.beat(a_process(queues=("media",)))

    for query in ("", "?drain_seconds=60"):
        response = client.get(f"/queues/media/scaling{query}")
        members = {name: response.json[name] for name in response.json}
        assert members.pop("oldest_waiting_seconds") == 0
        assert members == {"desired_places": 7, "backlog": 7, "idle_workers": 1}


@pytest.mark.parametrize("seconds", ["0", "86401", "1.5", "-1", "", "ten"])
def test_a_drain_time_is_a_whole_number_of_seconds_up_to_a_day(
    client: FlaskClient, seconds: str
) -> None:
    response = client.get(f"/queues/media/scaling?drain_seconds={seconds}")

    assert (response.status_code, response.json["code"]) == (422, "invalid_request")


def test_what_is_no_name_of_a_queue_is_not_found(client: FlaskClient) -> None:
    response = client.get("/queues/Media/scaling")

    assert (response.status_code, response.json["code"]) == (404, "queue_not_found")
