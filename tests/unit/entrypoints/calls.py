"""Requests that several tests of the API make."""

from dataclasses import replace
from typing import Any

from flask.testing import FlaskClient

from application.ports.task_repository import PageRequest
from application.task_filter import EVERY_TASK
from tests.fakes.task_store import FakeTaskStore

AN_ID = "018f0000-0000-7000-8000-000000000000"


def allow_bodies(client: FlaskClient, size: int) -> None:
    container = client.application.extensions["container"]
    container.settings.override(replace(container.settings(), max_body_bytes=size))


def allow_large_batches(client: FlaskClient) -> None:
    """Allow batches and actions of 8 MiB."""
    container = client.application.extensions["container"]
    container.settings.override(replace(container.settings(), max_batch_bytes=8 * 1024 * 1024))


def submit(client: FlaskClient, **members: Any) -> Any:
    return client.post("/tasks", json={"task_name": "test", "duration": 3, **members})


def stored(store: FakeTaskStore) -> int:
    return store.find(EVERY_TASK, PageRequest()).total or 0
