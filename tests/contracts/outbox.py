"""What every Outbox must do, with the repository that fills it."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from application.ports.clock import Clock
from application.ports.outbox import LeasedDelivery, Outbox
from application.ports.task_repository import Change, TaskRepository
from domain.events import Event
from domain.task import Task
from domain.webhook import DeliveryAttempt
from tests.building import a_task

URL = "https://example.com/told"
LEASE = timedelta(seconds=1)


def cancelled(repository: TaskRepository, **members: object) -> Task:
    task = repository.save(Change(before=None, after=a_task(**{"callback_url": URL, **members})))
    return repository.save(Change(before=task, after=task.cancel(datetime.now(UTC))))


def take(outbox: Outbox, limit: int = 10) -> list[LeasedDelivery]:
    return list(outbox.lease(limit=limit, duration=LEASE))


class OutboxContract:
    """`let_callback_leases_run_out` returns when every lease given before is over."""

    @pytest.fixture
    def failed(self, store_clock: Clock) -> Callable[[timedelta], DeliveryAttempt]:
        """A try in vain, the next one due after so long."""

        def build(pause: timedelta) -> DeliveryAttempt:
            at = store_clock.now()
            at = at.replace(microsecond=at.microsecond // 1000 * 1000)
            return DeliveryAttempt(at=at, status=503, error=None, next_at=at + pause)

        return build

    def test_a_task_that_becomes_final_leaves_a_message_of_how_it_was_then(
        self, repository: TaskRepository, outbox: Outbox
    ) -> None:
        waiting = repository.save(Change(before=None, after=a_task(callback_url=URL)))
        assert take(outbox) == []
        ended = repository.save(Change(before=waiting, after=waiting.cancel(datetime.now(UTC))))
        again = repository.save(Change(before=ended, after=ended.retry(datetime.now(UTC))))
        repository.remove(again)

        [taken] = take(outbox)

        assert taken.webhook.task == ended
        assert (taken.webhook.event, taken.webhook.failed_attempts) == (Event.CANCELLED, 0)
        assert taken.webhook.message_id == f"msg_{ended.task_id.replace('-', '')}_{ended.version}"

    def test_without_a_url_nobody_is_told(self, repository: TaskRepository, outbox: Outbox) -> None:
        cancelled(repository, callback_url=None)

        assert take(outbox) == []

    def test_each_end_of_a_task_is_a_message_of_its_own(self, repository: TaskRepository, outbox: Outbox) -> None:
        first = cancelled(repository)
        waiting = repository.save(Change(before=first, after=first.retry(datetime.now(UTC))))
        second = repository.save(Change(before=waiting, after=waiting.cancel(datetime.now(UTC))))

        assert {taken.webhook.task.version for taken in take(outbox)} == {first.version, second.version}

    def test_a_message_is_given_to_one_until_its_lease_is_over(
        self, repository: TaskRepository, outbox: Outbox, let_callback_leases_run_out: Callable[[], None]
    ) -> None:
        for _ in range(3):
            cancelled(repository)

        first, second = take(outbox, 2), take(outbox)
        assert (len(first), len(second), take(outbox)) == (2, 1, [])
        let_callback_leases_run_out()

        again = take(outbox)

        assert {taken.webhook.message_id for taken in again} == {
            taken.webhook.message_id for taken in (*first, *second)
        }

    def test_what_was_delivered_is_not_sent_again_and_the_try_is_kept(
        self,
        repository: TaskRepository,
        outbox: Outbox,
        failed: Callable[..., DeliveryAttempt],
        let_callback_leases_run_out: Callable[[], None],
    ) -> None:
        task = cancelled(repository)
        [taken] = take(outbox)
        delivered = DeliveryAttempt(at=failed(timedelta()).at, status=204, error=None, next_at=None)

        assert outbox.settle(taken, delivered)

        let_callback_leases_run_out()
        assert take(outbox) == []
        [delivery] = outbox.deliveries(task.task_id)
        assert (delivery.number, delivery.event, delivery.attempt) == (1, Event.CANCELLED, delivered)
        assert delivery.message_id == taken.webhook.message_id

    def test_a_try_in_vain_is_counted_and_the_message_due_again_at_its_time(
        self, repository: TaskRepository, outbox: Outbox, failed: Callable[..., DeliveryAttempt]
    ) -> None:
        task = cancelled(repository)
        [taken] = take(outbox)
        outbox.settle(taken, failed(timedelta(0)))

        [again] = take(outbox)
        assert again.webhook.failed_attempts == 1
        outbox.settle(again, failed(timedelta(hours=1)))

        assert take(outbox) == []
        assert [delivery.number for delivery in outbox.deliveries(task.task_id)] == [1, 2]

    def test_who_lost_its_lease_settles_nothing(
        self,
        repository: TaskRepository,
        outbox: Outbox,
        failed: Callable[..., DeliveryAttempt],
        let_callback_leases_run_out: Callable[[], None],
    ) -> None:
        task = cancelled(repository)
        [late] = take(outbox)
        let_callback_leases_run_out()
        [taken] = take(outbox)

        assert not outbox.settle(late, failed(timedelta(hours=1)))
        assert list(outbox.deliveries(task.task_id)) == []
        assert outbox.settle(taken, failed(timedelta(hours=1)))

    def test_a_delivery_can_be_sent_again_as_it_was(
        self, repository: TaskRepository, outbox: Outbox, failed: Callable[..., DeliveryAttempt]
    ) -> None:
        task = cancelled(repository)
        [taken] = take(outbox)
        outbox.settle(taken, failed(timedelta(hours=1)))

        assert outbox.resend(task.task_id, 1)

        [again] = take(outbox)
        assert (again.webhook.message_id, again.webhook.failed_attempts) == (taken.webhook.message_id, 0)
        assert not outbox.resend(task.task_id, 2)
        assert not outbox.resend(a_task().task_id, 1)
        assert not outbox.resend("nonsense", 1)
