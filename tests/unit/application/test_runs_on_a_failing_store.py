"""A run while the store refuses writes, loses replies or is unreachable."""

import pytest

from application.ports.task_repository import Change
from application.use_cases.worker.run_tasks import MAX_CLAIM_ATTEMPTS, PAUSE_SECONDS
from domain.status import Status
from domain.task import Task
from tests.storing import stored, submit


@pytest.mark.parametrize("go_on", [True, False])
def test_an_end_that_the_store_cannot_keep_fails_the_task_and_is_not_repeated(
    store, run_tasks, monkeypatch: pytest.MonkeyPatch, go_on: bool
) -> None:
    plain = store.save

    def refusing(change: Change) -> Task:
        if change.after.status is Status.COMPLETED:
            raise RecursionError("too deep")
        return plain(change)

    task = submit(store)
    monkeypatch.setattr(store, "save", refusing)
    assert run_tasks(lambda run: "done").execute("default", lambda: go_on) == 1

    failed = stored(store, task)
    assert (failed.status, failed.attempt) == (Status.FAILED, 1)
    assert failed.error.message == "The result cannot be stored: RecursionError: too deep"


def test_an_end_that_the_store_refuses_again_and_again_is_not_tried_without_a_pause(
    store, run_tasks, clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain, refusals, began = store.save, iter(range(10)), clock.monotonic()

    def refusing(change: Change) -> Task:
        if next(refusals, None) is not None:
            raise RuntimeError("WRONGTYPE")
        return plain(change)

    task = submit(store)
    monkeypatch.setattr(store, "save", refusing)
    run_tasks(lambda run: "done").execute("default")

    assert stored(store, task).status is Status.FAILED
    assert clock.monotonic() - began >= 9 * PAUSE_SECONDS


def test_a_claim_that_fails_does_not_cost_the_result_before_it(
    store, run_tasks, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise RuntimeError("WRONGTYPE")

    task = submit(store)
    monkeypatch.setattr(store, "finish_and_claim", broken)
    assert run_tasks(lambda run: "precious").execute("default", lambda: True) == 1

    assert (stored(store, task).status, stored(store, task).result) == (
        Status.COMPLETED,
        "precious",
    )


def test_a_claim_whose_reply_is_lost_is_repeated_and_starts_the_task_once(
    store, run_tasks, keeper
) -> None:
    task = submit(store)
    store.lose_replies = 2

    assert run_tasks(lambda run: "done").execute("default")

    assert (stored(store, task).attempt, stored(store, task).status) == (1, Status.COMPLETED)
    assert keeper.calls.count("arm") == 3


def test_a_store_that_stays_away_ends_the_try_without_work(store, run_tasks, keeper) -> None:
    submit(store)
    store.away = True

    assert not run_tasks(lambda run: pytest.fail("there was no claim")).execute("default")

    assert keeper.calls == ["arm"] * MAX_CLAIM_ATTEMPTS + ["release"]


def test_a_result_whose_reply_is_lost_is_stored_once(store, run_tasks) -> None:
    def work(run: Task) -> str:
        store.lose_replies = 2
        return "done"

    task = submit(store)
    run_tasks(work).execute("default")

    done = stored(store, task)
    assert (done.status, done.result, done.version) == (Status.COMPLETED, "done", 3)


def test_a_reply_that_is_lost_between_two_tasks_repeats_neither(store, run_tasks) -> None:
    def work(run: Task) -> str:
        ran.append(run.task_id)
        store.lose_replies = 3
        return "done"

    tasks, ran = [submit(store), submit(store)], []

    assert run_tasks(work).execute("default", lambda: True) == 2

    assert ran == [task.task_id for task in tasks]
    assert [(stored(store, task).status, stored(store, task).attempt) for task in tasks] == [
        (Status.COMPLETED, 1)
    ] * 2
