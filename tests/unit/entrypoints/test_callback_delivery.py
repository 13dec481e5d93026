"""No failure ends the delivery of webhooks unnoticed."""

import signal
import threading
from collections.abc import Iterator
from itertools import chain, repeat
from queue import SimpleQueue

import pytest
from dependency_injector import providers

from application.ports.task_repository import Change
from application.ports.webhook_sender import WebhookMessage
from domain.webhook import WebhookResponse
from entrypoints.container import Container
from entrypoints.maintenance import callbacks
from entrypoints.maintenance.callbacks import MAX_SENDERS, CallbackDelivery
from entrypoints.maintenance.process import Maintenance
from tests.building import NOON, a_task
from tests.fakes.task_store import FakeTaskStore
from tests.fakes.webhook_sender import FakeWebhookSender

PATIENCE = 90
"""Seconds that only a test that fails waits for."""


class WatchedSender(FakeWebhookSender):
    def __init__(self) -> None:
        super().__init__()
        self.has_sent = threading.Event()

    def send(self, message: WebhookMessage) -> WebhookResponse:
        response = super().send(message)
        self.has_sent.set()
        return response


@pytest.fixture
def sender(container: Container, monkeypatch: pytest.MonkeyPatch) -> WatchedSender:
    monkeypatch.setattr(callbacks, "POLL_SECONDS", 0)
    sender = WatchedSender()
    container.webhook_sender.override(providers.Object(sender))
    return sender


@pytest.fixture
def delivery(container: Container, sender: WatchedSender) -> Iterator[CallbackDelivery]:
    delivery = CallbackDelivery(container)
    yield delivery
    delivery.stop()


def end_a_task(store: FakeTaskStore) -> None:
    task = store.save(Change(before=None, after=a_task(callback_url="https://example.com/")))
    store.save(Change(before=task, after=task.cancel(NOON)))


def test_webhooks_are_delivered_after_the_outbox_could_not_be_read(
    container: Container,
    store: FakeTaskStore,
    sender: WatchedSender,
    delivery: CallbackDelivery,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    end_a_task(store)
    outbox = container.outbox()
    lease, failures = outbox.lease, iter([MemoryError()] * 3)

    def fail_first(**options: object) -> object:
        for error in failures:
            raise error
        return lease(**options)

    monkeypatch.setattr(outbox, "lease", fail_first)

    delivery.start()

    assert sender.has_sent.wait(PATIENCE)
    assert delivery.is_alive
    assert [record.levelname for record in caplog.records].count("ERROR") == 1


def test_webhooks_are_delivered_while_no_thread_can_be_started(
    store: FakeTaskStore,
    sender: WatchedSender,
    delivery: CallbackDelivery,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    delivery.start()

    def refuse(_: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", refuse)
    end_a_task(store)

    assert sender.has_sent.wait(PATIENCE)
    assert delivery.is_alive


def test_webhooks_that_no_sender_could_be_given_take_no_senders_place(
    container: Container,
    store: FakeTaskStore,
    sender: WatchedSender,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for _ in range(MAX_SENDERS + 1):
        end_a_task(store)
    failures = chain([True] * MAX_SENDERS, repeat(False))

    class FullQueue(SimpleQueue):
        def put(self, item: object, *arguments: object) -> None:
            if item and next(failures):
                raise MemoryError
            super().put(item)

    monkeypatch.setattr(callbacks, "SimpleQueue", FullQueue)
    outbox = container.outbox()
    lease = outbox.lease
    monkeypatch.setattr(outbox, "lease", lambda limit, **more: lease(limit=1, **more))
    delivery = CallbackDelivery(container)

    delivery.start()

    assert sender.has_sent.wait(PATIENCE)
    delivery.stop()


def test_a_webhook_whose_attempt_raises_an_error_ends_no_sender(
    container: Container,
    store: FakeTaskStore,
    sender: WatchedSender,
    delivery: CallbackDelivery,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for _ in range(MAX_SENDERS + 1):
        end_a_task(store)
    outbox = container.outbox()
    whole, failures = outbox.whole, chain([True] * MAX_SENDERS, repeat(False))

    def fail_first(leased: object) -> object:
        if next(failures):
            raise MemoryError
        return whole(leased)

    monkeypatch.setattr(outbox, "whole", fail_first)

    delivery.start()

    assert sender.has_sent.wait(PATIENCE)
    assert delivery.is_alive


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
@pytest.mark.parametrize("method", ["lease", "whole"])
def test_maintenance_ends_with_an_error_when_a_thread_of_its_callbacks_has_ended(
    container: Container,
    store: FakeTaskStore,
    sender: WatchedSender,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    method: str,
) -> None:
    end_a_task(store)

    def end_the_thread(*_: object, **__: object) -> None:
        raise SystemExit

    monkeypatch.setattr(container.outbox(), method, end_the_thread)
    monkeypatch.setattr(signal, "signal", lambda *_: None)

    maintenance = Maintenance(container)

    with pytest.raises(SystemExit) as ended:
        maintenance.run()
    maintenance._callbacks.stop()

    assert ended.value.code == 1
    assert "callbacks_ended" in [getattr(record, "action", "") for record in caplog.records]
