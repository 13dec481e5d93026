"""Both clients do with a real service what their methods say."""

import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
from client_forms import AnyClient
from tests.integration.receiver import SECRET, Receiver
from tests.integration.waiting import wait_until

from task_manager_client import BatchLimits, TaskNotCompleted, verify_webhook
from task_manager_client.errors import (
    DeliveryNotFound,
    InvalidRequest,
    QueueNotFound,
    TaskFinal,
    TaskNotFound,
    VersionMismatch,
)

SOON = 90


def is_gone(client: AnyClient, task_id: str) -> bool:
    try:
        client.get(task_id)
    except TaskNotFound:
        return True
    return False


def test_a_result_comes_back_with_large_integers(client: AnyClient) -> None:
    task = client.submit("hello", type="greet", payload={"name": "Ada", "times": 2})

    assert client.result(task.task_id, timeout=SOON)["greeting"] == "Hello Ada! Hello Ada! "

    huge = 2**53 + 1
    named = client.submit("big", type="greet", payload={"name": str(huge), "times": 1})
    assert str(huge) in client.result(named.task_id, timeout=SOON)["greeting"]
    wide = client.submit(
        "wide",
        type="http",
        queue="none",
        payload={"url": "https://x.example", "json": {"number": huge}},
    )
    assert client.get(wide.task_id).payload["json"] == {"number": huge}


def test_a_task_that_fails_says_why(client: AnyClient) -> None:
    task = client.submit("tea", type="order", payload={"product": "tea"})

    with pytest.raises(TaskNotCompleted, match=r"FAILED: .*tea") as raised:
        client.result(task.task_id, timeout=SOON)
    assert raised.value.task.error.code == "handler_error"
    [attempt] = client.attempts(task.task_id).attempts
    assert (attempt.number, attempt.outcome) == (1, "failed")


def test_a_task_is_followed_to_its_end_and_its_log_read(client: AnyClient) -> None:
    task = client.submit("count", type="count_to", payload={"number": 3})

    events = list(client.follow(task.task_id))

    assert events[0].name == "task.snapshot"
    assert events[-1].task.result == 3
    assert [line.number for line in client.log(task.task_id, after=1)] == [2, 3]
    logged = [event.line for event in client.follow(task.task_id, logs=True) if event.line]
    assert logged == list(client.log(task.task_id))
    again = list(client.follow(task.task_id, last_event_id=events[0].id))
    assert [event.id for event in again] == [event.id for event in events[1:]]


def test_all_tasks_are_followed(client: AnyClient, queue: str) -> None:
    task = client.submit("waits", duration=1, queue=queue)
    events = client.events(queue=queue)

    first = next(iter(events))

    assert (first.name, first.task.task_id) == ("task.snapshot", task.task_id)
    events.close()


def test_a_submit_with_a_key_is_not_repeated(client: AnyClient, queue: str) -> None:
    key = str(uuid.uuid4())

    first, second = (
        client.submit("once", duration=1, queue=queue, idempotency_key=key) for _ in range(2)
    )

    assert first.task_id == second.task_id
    assert (first.replayed, second.replayed) == (False, True)
    assert len(list(client.list(queue=queue))) == 1


def test_many_tasks_are_submitted_in_batches_and_listed_over_pages(
    client: AnyClient, queue: str
) -> None:
    tasks = [{"task_name": f"n{number}", "duration": 1, "queue": queue} for number in range(250)]
    key = str(uuid.uuid4())

    made = client.submit_many(tasks, idempotency_key=key, limits=BatchLimits(tasks=100))
    again = client.submit_batches(tasks, idempotency_key=key, limits=BatchLimits(tasks=100))

    assert [task.task_name for task in made] == [task["task_name"] for task in tasks]
    assert [(len(batch.tasks), batch.replayed) for batch in again] == [
        (100, True),
        (100, True),
        (50, True),
    ]
    assert [task.task_id for task in client.list(queue=queue)] == [task.task_id for task in made]
    newest = client.page(queue=queue, sort="-submitted_at", page_size=1, page=2)
    assert newest.tasks[0].task_name == "n248"
    assert newest.pagination.total_tasks == 250


def test_sixteen_threads_share_a_client(client: AnyClient, queue: str) -> None:
    def submit(number: int) -> str:
        return client.submit(f"n{number}", duration=1, queue=queue).task_id

    with ThreadPoolExecutor(16) as pool:
        ids = list(pool.map(submit, range(160)))

    assert {task.task_id for task in client.list(queue=queue)} == set(ids)
    assert len(set(ids)) == 160


def test_filters_find_what_they_say(client: AnyClient, queue: str) -> None:
    label = {"team": queue[:20]}
    wanted = client.submit("a b", duration=1, queue=queue, labels=label)
    client.submit("other", duration=1, queue=queue)
    now = datetime.now(UTC)

    def found(**filters: object) -> list[str]:
        return [task.task_id for task in client.list(**filters)]

    assert found(labels=label) == found(queue=queue, task_name="a b") == [wanted.task_id]
    assert found(queue=queue, q="A B", status=["QUEUED", "FAILED"]) == [wanted.task_id]
    assert found(queue=queue, submitted_after=now + timedelta(hours=1)) == []
    assert len(found(queue=queue, submitted_before=now + timedelta(hours=1), type="sleep")) == 2


def test_a_task_is_changed_only_in_the_version_that_was_read(client: AnyClient, queue: str) -> None:
    task = client.get(client.submit("old", duration=1, queue=queue).task_id)

    changed = client.update(task.task_id, if_match=task.etag, task_name="new", priority=9)
    assert (changed.task_name, changed.priority) == ("new", 9)
    with pytest.raises(VersionMismatch):
        client.update(task.task_id, if_match=task.version, task_name="newer")
    assert client.update(task.task_id, if_match=changed.version, priority=None).priority == 5
    assert client.replace(task.task_id, "other", duration=7, queue=queue).duration == 7

    current = client.get(task.task_id)
    assert client.get_if_changed(task.task_id, current.etag) is None
    assert client.get_if_changed(task.task_id, '"1"').task_name == "other"


def test_a_task_is_cancelled_retried_and_deleted(client: AnyClient, queue: str) -> None:
    task_id = client.submit("waits", duration=1, queue=queue).task_id

    assert client.cancel(task_id).status == "CANCELLED"
    with pytest.raises(TaskFinal):
        client.cancel(task_id)
    assert client.retry(task_id).status == "QUEUED"
    client.delete(task_id)
    with pytest.raises(TaskNotFound):
        client.get(task_id)


def test_a_running_task_is_stopped_and_deleted(client: AnyClient) -> None:
    task_id = client.submit("long", duration=600).task_id
    running = next(each for each in client.follow(task_id) if each.task.status == "PROCESSING")
    assert running.task.started_at

    client.delete(task_id, cancel=True)

    [*_, last] = client.follow(task_id, last_event_id=running.id)
    assert last.is_last
    wait_until(lambda: is_gone(client, task_id))


def test_many_tasks_are_acted_on_after_a_dry_run(client: AnyClient, queue: str) -> None:
    ids = [client.submit("waits", duration=1, queue=queue).task_id for _ in range(3)]

    dry = client.act("cancel", wanted={"queue": queue, "status": "QUEUED"}, dry_run=True)
    assert (dry.would_be_done, dry.done) == (3, 0)
    done = client.act("cancel", wanted={"queue": queue})
    assert (done.matched, done.done, done.remaining) == (3, 3, 0)
    assert client.act("delete", ids=ids[:1]).done == 1
    with pytest.raises(ValueError, match="either ids or a filter"):
        client.act("delete")


def test_a_queue_is_paused_resumed_and_removed(client: AnyClient, queue: str) -> None:
    task_id = client.submit("waits", duration=1, queue=queue).task_id
    assert client.pause_queue(queue).paused
    assert [each.paused for each in client.queues() if each.name == queue] == [True]
    assert not client.resume_queue(queue).paused
    client.pause_queue(queue)  # it exists without its task, too
    client.delete(task_id)
    client.remove_queue(queue)
    with pytest.raises(QueueNotFound):
        client.remove_queue(queue)


def test_the_service_describes_itself(client: AnyClient) -> None:
    [worker] = wait_until(client.workers)

    assert worker.queues == ("default",)
    scaling = client.scaling("nobody", drain_seconds=60)
    assert (scaling.desired_places, scaling.backlog, scaling.idle_workers) == (0, 0, 0)
    assert {"sleep", "http", "greet"} <= {each.type for each in client.types()}
    assert client.counts(queue="nobody").by_status.keys() >= {"QUEUED", "FAILED"}
    assert client.series(span="5m", by="type").step_seconds == 60
    assert client.stats().total == sum(client.stats().by_status.values())
    assert (client.liveness().status, client.readiness().status) == ("alive", "ready")
    assert "\ntask_manager_workers 1.0\n" in client.metrics()


def test_a_callback_is_verified_listed_and_sent_again(
    client: AnyClient, receiver: Receiver
) -> None:
    task = client.submit("called back", duration=1, callback_url=f"{receiver.url}/done")

    [request] = receiver.wait_for(1)
    webhook = verify_webhook(request.body, request.headers, SECRET)
    assert (webhook.type, webhook.task.task_id) == ("task.completed", task.task_id)
    [delivery] = wait_until(lambda: client.deliveries(task.task_id))
    assert (delivery.status, delivery.outcome, delivery.message_id) == (
        200,
        "delivered",
        webhook.id,
    )

    [logged] = client.all_deliveries(task_id=task.task_id, outcome=["delivered"])
    assert (logged.host, logged.message_id) == ("127.0.0.1", webhook.id)
    client.resend(task.task_id, delivery.number)
    assert receiver.wait_for(2)[1].headers["webhook-id"] == webhook.id
    with pytest.raises(DeliveryNotFound):
        client.resend(task.task_id, 99)


@pytest.mark.parametrize("many", [False, True])
def test_an_invalid_task_is_refused_with_every_problem(client: AnyClient, many: bool) -> None:
    wrong = {"task_name": "", "duration": 0}
    submit: Callable[[], object] = (
        (lambda: client.submit_many([wrong])) if many else (lambda: client.submit(**wrong))
    )

    with pytest.raises(InvalidRequest) as raised:
        submit()

    prefix = "/tasks/0" if many else ""
    assert {each.pointer for each in raised.value.errors} == {
        f"{prefix}/task_name",
        f"{prefix}/duration",
    }


def test_an_unserved_queue_is_warned_of_when_the_service_knows(
    client: AnyClient, queue: str
) -> None:
    task = client.submit("waits", duration=1, queue=queue)

    assert {warning.code for warning in task.warnings} <= {"queue_unserved"}
