"""The contract of Outbox, inherited by the tests of its fake and of its adapter.

The repository of the same store adds the webhooks.
"""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from application.ports.clock import Clock
from application.ports.outbox import MAX_BYTES, LeasedDelivery, Outbox
from application.ports.task_repository import Change, TaskRepository
from domain.events import Event
from domain.task import Task
from domain.webhook import DeliveryAttempt, message_id
from tests.building import a_task

URL = "https://example.com/told"
LEASE = timedelta(minutes=1)


def cancelled(repository: TaskRepository, **members: object) -> Task:
    task = repository.save(Change(before=None, after=a_task(**{"callback_url": URL, **members})))
    return repository.save(Change(before=task, after=task.cancel(datetime.now(UTC))))


def lease(outbox: Outbox, limit: int = 10) -> list[LeasedDelivery]:
    return list(outbox.lease(limit=limit, duration=LEASE))


def webhook_id(task: Task) -> str:
    return message_id(task.task_id, task.version)


class OutboxContract:
    """`let_callback_leases_run_out` returns when every lease given before is over."""

    @pytest.fixture
    def failed(self, store_clock: Clock) -> Callable[[timedelta], DeliveryAttempt]:
        """Build a failed attempt, with the next one due after a pause."""

        def build(pause: timedelta) -> DeliveryAttempt:
            at = store_clock.now()
            at = at.replace(microsecond=at.microsecond // 1000 * 1000)
            return DeliveryAttempt(at=at, status=503, error=None, next_at=at + pause)

        return build

    def test_a_task_that_becomes_final_leaves_a_webhook_with_its_final_state(
        self, repository: TaskRepository, outbox: Outbox
    ) -> None:
        waiting = repository.save(Change(before=None, after=a_task(callback_url=URL)))
        assert lease(outbox) == []
        ended = repository.save(Change(before=waiting, after=waiting.cancel(datetime.now(UTC))))
        again = repository.save(Change(before=ended, after=ended.retry(datetime.now(UTC))))
        repository.remove(again)

        [taken] = lease(outbox)

        assert taken.webhook.task == ended
        assert outbox.whole(taken) == taken.webhook
        assert (taken.webhook.event, taken.webhook.failed_attempts) == (Event.CANCELLED, 0)
        assert taken.webhook.message_id == f"msg_{ended.task_id.replace('-', '')}_{ended.version}"

    def test_a_task_without_a_callback_url_leaves_no_webhook(
        self, repository: TaskRepository, outbox: Outbox
    ) -> None:
        cancelled(repository, callback_url=None)

        assert lease(outbox) == []

    def test_each_end_of_a_task_leaves_its_own_webhook(
        self, repository: TaskRepository, outbox: Outbox
    ) -> None:
        first = cancelled(repository)
        waiting = repository.save(Change(before=first, after=first.retry(datetime.now(UTC))))
        second = repository.save(Change(before=waiting, after=waiting.cancel(datetime.now(UTC))))

        assert {taken.webhook.task.version for taken in lease(outbox)} == {
            first.version,
            second.version,
        }

    def test_a_webhook_is_leased_without_its_payload_which_is_read_before_it_is_sent(
        self, repository: TaskRepository, outbox: Outbox
    ) -> None:
        ended = [cancelled(repository, payload={"text": "x" * length}) for length in (10, 5_000)]

        taken = lease(outbox)

        assert [each.webhook.task.spec.payload for each in taken] == [{}, {}]
        assert [each.webhook.task.omitted for each in taken] == [("payload",)] * 2
        assert [each.size for each in taken] == [0, len('{"text":""}') + 5_000]
        assert [outbox.whole(each).task for each in taken] == ended

    def test_no_more_bytes_are_leased_than_there_is_room_for_and_short_webhooks_pass_long_ones(
        self, repository: TaskRepository, outbox: Outbox
    ) -> None:
        lengths = [5_000, 9_000, 5_000, 0, 0]
        tasks = [cancelled(repository, payload={"text": "x" * length}) for length in lengths]

        first = outbox.lease(limit=2, duration=timedelta(hours=1), room=9_000)
        second = outbox.lease(limit=9, duration=timedelta(hours=1), room=0)
        third = outbox.lease(limit=9, duration=timedelta(hours=1))

        assert [
            [each.webhook.message_id for each in taken] for taken in (first, second, third)
        ] == [[webhook_id(tasks[place]) for place in places] for places in ([0, 3], [4], [1, 2])]

    def test_a_webhook_longer_than_the_limit_is_leased_alone(
        self, repository: TaskRepository, outbox: Outbox
    ) -> None:
        longest = cancelled(repository, payload={"text": "x" * MAX_BYTES})
        cancelled(repository, payload={"text": "x" * 5_000})

        assert outbox.lease(limit=9, duration=timedelta(hours=1), room=MAX_BYTES - 1) == []
        [taken] = outbox.lease(limit=9, duration=timedelta(hours=1))

        assert (taken.webhook.message_id, taken.size) == (webhook_id(longest), MAX_BYTES)
        assert outbox.whole(taken).task == longest

    def test_a_webhook_is_leased_to_one_caller_at_a_time(
        self,
        repository: TaskRepository,
        outbox: Outbox,
        let_callback_leases_run_out: Callable[[], None],
    ) -> None:
        for _ in range(3):
            cancelled(repository)

        first, second = lease(outbox, 2), lease(outbox)
        assert (len(first), len(second), lease(outbox)) == (2, 1, [])
        let_callback_leases_run_out()

        again = lease(outbox)

        assert {taken.webhook.message_id for taken in again} == {
            taken.webhook.message_id for taken in (*first, *second)
        }

    def test_a_delivered_webhook_is_not_due_again_and_its_attempt_is_stored(
        self,
        repository: TaskRepository,
        outbox: Outbox,
        failed: Callable[..., DeliveryAttempt],
        let_callback_leases_run_out: Callable[[], None],
    ) -> None:
        task = cancelled(repository)
        [taken] = lease(outbox)
        delivered = DeliveryAttempt(at=failed(timedelta()).at, status=204, error=None, next_at=None)

        assert outbox.record_attempt(taken, delivered)

        let_callback_leases_run_out()
        assert lease(outbox) == []
        [delivery] = outbox.deliveries(task.task_id)
        assert (delivery.number, delivery.event, delivery.attempt) == (
            1,
            Event.CANCELLED,
            delivered,
        )
        assert delivery.message_id == taken.webhook.message_id

    def test_a_failed_attempt_is_counted_and_the_webhook_is_due_again_at_its_time(
        self, repository: TaskRepository, outbox: Outbox, failed: Callable[..., DeliveryAttempt]
    ) -> None:
        task = cancelled(repository)
        [taken] = lease(outbox)
        outbox.record_attempt(taken, failed(timedelta(0)))

        [again] = lease(outbox)
        assert again.webhook.failed_attempts == 1
        outbox.record_attempt(again, failed(timedelta(hours=1)))

        assert lease(outbox) == []
        assert [delivery.number for delivery in outbox.deliveries(task.task_id)] == [1, 2]

    def test_an_attempt_under_an_expired_lease_is_not_stored(
        self,
        repository: TaskRepository,
        outbox: Outbox,
        failed: Callable[..., DeliveryAttempt],
        let_callback_leases_run_out: Callable[[], None],
    ) -> None:
        task = cancelled(repository)
        [late] = lease(outbox)
        let_callback_leases_run_out()
        [taken] = lease(outbox)

        assert not outbox.record_attempt(late, failed(timedelta(hours=1)))
        assert list(outbox.deliveries(task.task_id)) == []
        assert outbox.record_attempt(taken, failed(timedelta(hours=1)))

    def test_a_webhook_can_be_resent_unchanged(
        self, repository: TaskRepository, outbox: Outbox, failed: Callable[..., DeliveryAttempt]
    ) -> None:
        task = cancelled(repository)
        [taken] = lease(outbox)
        outbox.record_attempt(taken, failed(timedelta(hours=1)))

        assert outbox.resend(task.task_id, 1)

        [again] = lease(outbox)
        assert (again.webhook.message_id, again.webhook.failed_attempts) == (
            taken.webhook.message_id,
            0,
        )
        assert not outbox.resend(task.task_id, 2)
        assert not outbox.resend(a_task().task_id, 1)
        assert not outbox.resend("nonsense", 1)
