"""The contract of DeliveryLog, inherited by the tests of its fake and of its adapter.

The repository of the same store adds the webhooks, and its outbox the attempts.
"""

from datetime import timedelta

import pytest

from application.ports.clock import Clock
from application.ports.delivery_log import DeliveryFilter, DeliveryLog, LoggedDelivery
from application.ports.outbox import Outbox
from application.ports.task_repository import TaskRepository
from domain.task import Task
from domain.webhook import DeliveryAttempt, DeliveryOutcome
from tests.contracts.outbox import cancelled, lease

EVERY = DeliveryFilter()
STATUS = {
    DeliveryOutcome.DELIVERED: 204,
    DeliveryOutcome.TO_BE_RETRIED: 503,
    DeliveryOutcome.GIVEN_UP: 410,
}


def deliver(
    repository: TaskRepository, outbox: Outbox, clock: Clock, outcome: DeliveryOutcome
) -> Task:
    """Record an attempt of a new task's webhook, with this outcome."""
    task = cancelled(repository, callback_url="https://hooks.example.com:8443/secret")
    at = clock.now()
    at = at.replace(microsecond=at.microsecond // 1000 * 1000)
    is_retried = outcome is DeliveryOutcome.TO_BE_RETRIED
    attempt = DeliveryAttempt(
        at=at,
        status=STATUS[outcome],
        error=None,
        next_at=at + timedelta(hours=1) if is_retried else None,
    )
    [leased] = lease(outbox)
    assert outbox.record_attempt(leased, attempt)
    return task


def pages(
    delivery_log: DeliveryLog, wanted: DeliveryFilter, limit: int
) -> list[list[LoggedDelivery]]:
    found, after = [], None
    while True:
        page = delivery_log.latest(wanted, limit=limit, after=after)
        found.append(list(page.deliveries))
        if page.next is None:
            return found
        after = page.next


class DeliveryLogContract:
    def test_attempts_of_all_tasks_come_newest_first_as_the_outbox_has_them(
        self,
        repository: TaskRepository,
        outbox: Outbox,
        delivery_log: DeliveryLog,
        store_clock: Clock,
    ) -> None:
        assert list(delivery_log.latest(EVERY, limit=10).deliveries) == []
        tasks = [deliver(repository, outbox, store_clock, outcome) for outcome in DeliveryOutcome]

        page = delivery_log.latest(EVERY, limit=10)

        assert [each.task_id for each in page.deliveries] == [
            task.task_id for task in reversed(tasks)
        ]
        assert [[each.delivery] for each in page.deliveries] == [
            list(outbox.deliveries(task.task_id)) for task in reversed(tasks)
        ]
        assert {each.host for each in page.deliveries} == {"hooks.example.com"}
        assert page.next is None
        assert (delivery_log.pending(), delivery_log.due()) == (1, 0)

    def test_a_webhook_is_due_until_it_is_leased(
        self, repository: TaskRepository, outbox: Outbox, delivery_log: DeliveryLog
    ) -> None:
        cancelled(repository, callback_url="https://hooks.example.com")
        assert (delivery_log.pending(), delivery_log.due()) == (1, 1)

        assert outbox.lease(limit=1, duration=timedelta(hours=1))

        assert (delivery_log.pending(), delivery_log.due()) == (1, 0)

    def test_filters_find_outcomes_and_tasks(
        self,
        repository: TaskRepository,
        outbox: Outbox,
        delivery_log: DeliveryLog,
        store_clock: Clock,
    ) -> None:
        tasks = {
            outcome: deliver(repository, outbox, store_clock, outcome)
            for outcome in DeliveryOutcome
        }

        for outcome, task in tasks.items():
            for wanted in (
                DeliveryFilter(outcomes=frozenset({outcome})),
                DeliveryFilter(task_id=task.task_id),
                DeliveryFilter(outcomes=frozenset({outcome}), task_id=task.task_id),
            ):
                [found] = delivery_log.latest(wanted, limit=10).deliveries
                assert (found.task_id, found.delivery.attempt.outcome) == (task.task_id, outcome)
        both = frozenset({DeliveryOutcome.DELIVERED, DeliveryOutcome.GIVEN_UP})
        assert len(delivery_log.latest(DeliveryFilter(outcomes=both), limit=10).deliveries) == 2

    def test_pages_show_each_attempt_once_also_while_others_are_added(
        self,
        repository: TaskRepository,
        outbox: Outbox,
        delivery_log: DeliveryLog,
        store_clock: Clock,
    ) -> None:
        outcomes = [DeliveryOutcome.DELIVERED, DeliveryOutcome.GIVEN_UP] * 3
        tasks = [deliver(repository, outbox, store_clock, outcome) for outcome in outcomes]
        first = delivery_log.latest(EVERY, limit=4)
        deliver(repository, outbox, store_clock, DeliveryOutcome.DELIVERED)

        second = delivery_log.latest(EVERY, limit=4, after=first.next)

        shown = [each.task_id for each in (*first.deliveries, *second.deliveries)]
        assert shown == [task.task_id for task in reversed(tasks)]
        assert second.next is None
        delivered = DeliveryFilter(outcomes=frozenset({DeliveryOutcome.DELIVERED}))
        assert list(map(len, pages(delivery_log, delivered, 3))) == [3, 1]
        assert list(map(len, pages(delivery_log, delivered, 2))) == [2, 2]

    @pytest.mark.parametrize("after", ["", "-", "1", "+", "1-", "(1-0", "a-0"])
    def test_text_that_is_no_position_is_refused(
        self, delivery_log: DeliveryLog, after: str
    ) -> None:
        with pytest.raises(ValueError, match="no position"):
            delivery_log.latest(EVERY, limit=1, after=after)
