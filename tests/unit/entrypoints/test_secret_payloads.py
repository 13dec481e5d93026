"""Members of payloads that a type marks as writeOnly: no response of the API tells them."""

from typing import Annotated, Any

import pytest
from dependency_injector import providers
from flask.testing import FlaskClient
from pydantic import AfterValidator, BaseModel, Field, SecretStr

from adapters.handlers.python_function import PythonFunction
from adapters.handlers.registry import HandlerRegistry
from application.secret_members import MASK, unseal
from entrypoints.container import Container
from tests.fakes.task_store import FakeTaskStore
from tests.storing import claim

PASSWORD, PIN = "hunter2-hunter2", 4_711_0815
Pin = Annotated[int, Field(json_schema_extra={"writeOnly": True})]


class Account(BaseModel):
    name: str
    pin: Pin


def _refuse(password: SecretStr) -> SecretStr:
    if password.get_secret_value().startswith("bad"):
        raise ValueError(f"{password.get_secret_value()} is bad")
    return password


def log_in(
    user: str,
    password: Annotated[SecretStr, AfterValidator(_refuse)],
    accounts: list[Account] = [],  # noqa: B006 - it is never changed
    token: Annotated[str, Field(json_schema_extra={"writeOnly": True})] = "default-token",
) -> None:
    """Log in."""


def echo(password: str) -> str:
    """Return it."""
    return password


@pytest.fixture
def client(client: FlaskClient, container: Container) -> FlaskClient:
    functions = [PythonFunction(each.__name__, each, where="x") for each in (log_in, echo)]
    container.handlers.override(providers.Object(HandlerRegistry(functions)))
    return client


def body(**members: Any) -> dict[str, Any]:
    return {"task_name": "test", "type": "log_in", **members}


def submitted(client: FlaskClient) -> str:
    payload = {"user": "ada", "password": PASSWORD, "accounts": [{"name": "a", "pin": PIN}]}
    response = client.post("/tasks", json=body(payload=payload))
    assert response.status_code == 202, response.json
    return f"/tasks/{response.json['task_id']}"


def payload_of(client: FlaskClient, path: str) -> Any:
    return client.get(path).json["payload"]


def opened(store: FakeTaskStore, path: str) -> Any:
    task = store.get(path.rpartition("/")[2])
    assert task is not None
    return unseal(task.spec).payload


def test_no_response_has_a_secret_and_the_worker_has_all(
    client: FlaskClient, store: FakeTaskStore
) -> None:
    path = submitted(client)
    batch = client.post(
        "/tasks/batch", json={"tasks": [body(payload={"user": "u", "password": PASSWORD})]}
    )
    renamed = client.patch(path, json={"task_name": "renamed", "priority": 9})
    told = [
        batch,
        renamed,
        *(client.get(f"{path}{part}") for part in ("", "/history", "/attempts", "/logs")),
        client.get("/tasks"),
        client.get("/tasks?full=true"),
        client.get("/types"),
        client.post(f"{path}/cancel"),
        client.get(f"{path}/events", headers={"Last-Event-ID": "0-0"}),
        client.post(f"{path}/retry"),
    ]

    assert {response.status_code for response in told} <= {200, 202}
    text = "".join(response.get_data(as_text=True) for response in told)
    assert PASSWORD not in text
    assert str(PIN) not in text
    assert "default-token" not in text
    masked = [{"name": "a", "pin": MASK}]
    assert payload_of(client, path) == {"user": "ada", "password": MASK, "accounts": masked}
    queue = store.get(path.rpartition("/")[2])
    assert queue is not None
    run = claim(store)
    assert PASSWORD in {unseal(run.spec).payload["password"]}


def test_a_search_finds_no_secret(client: FlaskClient) -> None:
    submitted(client)

    assert client.get(f"/tasks?q={PASSWORD}").json["tasks"] == []
    assert len(client.get("/tasks?q=ada").json["tasks"]) == 1


def test_a_mask_keeps_the_stored_value_and_a_new_value_replaces_it(
    client: FlaskClient, store: FakeTaskStore
) -> None:
    path = submitted(client)
    task = client.get(path).json
    replaced = client.put(path, json=body(payload={**task["payload"], "user": "bob"}))
    assert replaced.status_code == 200, replaced.json
    assert opened(store, path) == {
        "user": "bob",
        "password": PASSWORD,
        "accounts": [{"name": "a", "pin": PIN}],
    }

    patched = client.patch(path, json={"payload": {"password": "another one", "accounts": None}})

    assert patched.json["payload"] == {"user": "bob", "password": MASK}
    assert opened(store, path) == {"user": "bob", "password": "another one"}
    changes = client.get(f"{path}/history").json["entries"][-1]["changes"]
    assert changes == [{"member": "payload", "hidden": True}]


def test_a_new_secret_alone_is_a_change(client: FlaskClient, store: FakeTaskStore) -> None:
    path = submitted(client)

    patched = client.patch(path, json={"payload": {"password": "another one"}})

    assert patched.json["version"] == 2
    assert opened(store, path)["password"] == "another one"
    changes = client.get(f"{path}/history").json["entries"][-1]["changes"]
    assert changes == [{"member": "payload", "hidden": True}]


def test_a_mask_that_stands_for_nothing_is_refused(client: FlaskClient) -> None:
    refused = client.post("/tasks", json=body(payload={"user": "ada", "password": MASK}))

    assert refused.status_code == 422
    [error] = refused.json["errors"]
    assert error["pointer"] == "/payload/password"
    assert error["message"].startswith("Must be the value itself.")


def test_no_secret_follows_a_task_to_a_type_that_does_not_hide_it(
    client: FlaskClient, store: FakeTaskStore
) -> None:
    path = submitted(client)

    moved = client.put(path, json=body(type="echo", payload={"password": MASK}))

    assert moved.json["payload"] == {"password": MASK}
    assert opened(store, path) == {"password": MASK}


def test_a_schedule_hides_the_secrets_that_its_tasks_get(
    client: FlaskClient, store: FakeTaskStore
) -> None:
    url, payload = "/schedules/nightly", {"user": "ada", "password": PASSWORD}
    made = client.put(url, json={"every": 60, "task": body(payload=payload)})
    read = client.get(url)
    task = {**read.json["task"], "priority": 9}
    put_again = client.put(url, json={"every": 60, "task": task})
    run = client.post(f"{url}/run")

    told = [made, read, put_again, run, client.get("/schedules")]
    assert PASSWORD not in "".join(response.get_data(as_text=True) for response in told)
    assert put_again.json["task"] == {**task, "payload": {"user": "ada", "password": MASK}}
    assert opened(store, f"/tasks/{run.json['task_id']}") == payload


def test_a_refusal_repeats_no_secret(client: FlaskClient) -> None:
    payload = {"user": 5, "password": "bad-" + PASSWORD}
    refused = client.post("/tasks", json=body(payload=payload))

    assert refused.status_code == 422
    assert {error["pointer"] for error in refused.json["errors"]} == {
        "/payload/user",
        "/payload/password",
    }
    assert PASSWORD not in refused.get_data(as_text=True)
