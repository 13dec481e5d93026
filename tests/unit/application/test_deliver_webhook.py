"""Webhooks are read one at a time, right before they are sent."""

import threading
from collections.abc import Sequence
from contextlib import suppress

import pytest

from application.ports.outbox import LeasedDelivery
from application.ports.task_repository import Change
from application.ports.webhook_sender import WebhookMessage
from application.use_cases.maintenance.deliver_webhook import LEASE, DeliverWebhook
from domain.webhook import DeliveryOutcome, Webhook
from tests.building import NOON, a_task
from tests.fakes.clock import FakeClock
from tests.fakes.outbox import FakeOutbox
from tests.fakes.task_store import FakeTaskStore
from tests.fakes.webhook_sender import FakeWebhookSender


@pytest.fixture
def outbox(store: FakeTaskStore, clock: FakeClock) -> FakeOutbox:
    return FakeOutbox(store, clock)


def lease(store: FakeTaskStore, outbox: FakeOutbox, number: int = 1) -> Sequence[LeasedDelivery]:
    for _ in range(number):
        task = store.save(Change(before=None, after=a_task(callback_url="https://example.com/")))
        store.save(Change(before=task, after=task.cancel(NOON)))
    return outbox.lease(limit=number, duration=LEASE)


def test_a_webhook_that_is_gone_when_it_is_to_be_sent_is_no_delivery_attempt(
    store: FakeTaskStore, outbox: FakeOutbox, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    [delivery] = lease(store, outbox)
    monkeypatch.setattr(outbox, "whole", lambda _: None)
    sender = FakeWebhookSender()

    assert DeliverWebhook(outbox, sender, clock, threading.Lock()).execute(delivery) is None

    assert sender.sent == []
    assert outbox.deliveries(delivery.webhook.task.task_id) == []


@pytest.mark.parametrize("method", ["write", "send"])
def test_a_fault_of_the_sender_counts_as_a_failed_attempt(
    store: FakeTaskStore,
    outbox: FakeOutbox,
    clock: FakeClock,
    monkeypatch: pytest.MonkeyPatch,
    method: str,
) -> None:
    [delivery] = lease(store, outbox)
    sender = FakeWebhookSender()

    def fail(_: object) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(sender, method, fail)

    attempt = DeliverWebhook(outbox, sender, clock, threading.Lock()).execute(delivery)

    assert attempt is not None
    assert attempt.error == "The webhook could not be sent: RuntimeError"
    assert attempt.outcome is DeliveryOutcome.TO_BE_RETRIED


def test_only_one_message_is_written_at_a_time_so_that_long_results_share_no_memory(
    store: FakeTaskStore, outbox: FakeOutbox, clock: FakeClock
) -> None:
    both = threading.Barrier(2)

    class WatchedSender(FakeWebhookSender):
        overlapped = False

        def write(self, webhook: Webhook) -> WebhookMessage:
            with suppress(threading.BrokenBarrierError):
                both.wait(0.05)
                self.overlapped = True
            return super().write(webhook)

    sender = WatchedSender()
    deliver = DeliverWebhook(outbox, sender, clock, threading.Lock())
    threads = [
        threading.Thread(target=deliver.execute, args=[delivery])
        for delivery in lease(store, outbox, 2)
    ]

    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert (len(sender.sent), sender.overlapped) == (2, False)
