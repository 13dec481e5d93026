"""Runs get the secret members of their payload, and nothing that they report repeats them."""

import logging
from typing import Any

import pytest

from application.errors import HandlerFailed
from application.ports.run import RunContext
from application.secret_members import MASK
from domain.status import Status
from domain.task import Task
from tests.storing import stored, submit

PASSWORD = "hunter2-hunter2"


def submit_secret(store: Any) -> Task:
    secrets = {"m": {"password": {"v": PASSWORD}}}
    return submit(store, payload={"user": "ada", "password": MASK}, secrets=secrets)


@pytest.mark.parametrize("kind", [ValueError, HandlerFailed])
def test_what_a_failing_run_reports_repeats_no_secret(
    store: Any, run_tasks: Any, kind: type[Exception], caplog: pytest.LogCaptureFixture
) -> None:
    def work(run: Task, context: RunContext) -> None:
        password = run.spec.payload["password"]
        context.log(f"log in with {password}")
        context.progress(0.5, f"as {password}")
        raise kind(f"{password} is wrong")

    task = submit_secret(store)
    with caplog.at_level(logging.DEBUG):
        run_tasks(work).execute("default")

    failed = stored(store, task)
    assert failed.status is Status.FAILED
    assert failed.error is not None
    assert f"{MASK} is wrong" in failed.error.message
    assert store.lines(task.task_id)[0].message == f"log in with {MASK}"
    assert failed.progress is not None
    assert failed.progress.message == f"as {MASK}"
    told = [caplog.text, *(line.message for line in store.lines(task.task_id))]
    assert PASSWORD not in repr([told, store.events, failed, store.changes])


def test_a_run_gets_the_payload_that_was_submitted_and_leaves_it_as_it_is_stored(
    store: Any, run_tasks: Any
) -> None:
    task = submit_secret(store)

    run_tasks(lambda run: dict(run.spec.payload)["password"] == PASSWORD).execute("default")

    done = stored(store, task)
    assert done.result is True
    assert done.spec.payload == {"user": "ada", "password": MASK}
    assert done.spec.secrets == task.spec.secrets
