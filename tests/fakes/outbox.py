from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from adapters.redis.outbox import OCCURRENCES
from adapters.redis.task_codec import LONG_BYTES, OMITTABLE, encode
from application.ports.clock import Clock
from application.ports.delivery_log import LoggedDelivery
from application.ports.outbox import MAX_BYTES, LeasedDelivery, Outbox
from domain.web_url import host_of
from domain.webhook import Delivery, DeliveryAttempt, Webhook
from tests.fakes.task_store import FakeTaskStore


class FakeOutbox(Outbox):
    """An outbox of the tasks that became final in the fake store."""

    def __init__(self, store: FakeTaskStore, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._seen = 0
        self._due: dict[str, datetime] = {}
        self._webhooks: dict[str, Webhook] = {}
        self._leases: dict[str, int] = {}
        self._given = 0
        self._deliveries: dict[str, list[Delivery]] = {}
        self._logged: list[LoggedDelivery] = []

    def lease(
        self, *, limit: int, duration: timedelta, room: int = MAX_BYTES
    ) -> Sequence[LeasedDelivery]:
        self._look()
        now = self._clock.now()
        taken = []
        for _, name in sorted((at, name) for name, at in self._due.items() if at <= now):
            webhook, size = _without_long_members(self._webhooks[name])
            if size > room:
                room = 0
            elif len(taken) < limit:
                room -= size
                self._given += 1
                self._due[name], self._leases[name] = now + duration, self._given
                taken.append(LeasedDelivery(webhook=webhook, size=size, lease=self._given))
        return taken

    def whole(self, delivery: LeasedDelivery) -> Webhook | None:
        self._look()
        return self._webhooks[delivery.webhook.message_id]

    def record_attempt(self, delivery: LeasedDelivery, attempt: DeliveryAttempt) -> bool:
        self._look()
        webhook = delivery.webhook
        name = webhook.message_id
        if self._leases.get(name) != delivery.lease:
            return False
        del self._due[name], self._leases[name]
        if attempt.next_at:
            self._due[name] = attempt.next_at
        self._webhooks[name] = replace(
            self._webhooks[name], failed_attempts=webhook.failed_attempts + 1
        )
        earlier = self._deliveries.setdefault(webhook.task.task_id, [])
        number = earlier[-1].number + 1 if earlier else 1
        delivery = Delivery(number=number, message_id=name, event=webhook.event, attempt=attempt)
        earlier.append(delivery)
        task_id, host = webhook.task.task_id, host_of(webhook.task.spec.callback_url or "")
        self._store.occurrences[OCCURRENCES[attempt.outcome]] += 1
        self._logged.append(LoggedDelivery(task_id=task_id, host=host, delivery=delivery))
        del earlier[:-1_000]
        return True

    def deliveries(self, task_id: str) -> Sequence[Delivery]:
        self._look()
        return list(self._deliveries.get(task_id, []))

    def resend(self, task_id: str, number: int) -> bool:
        self._look()
        for delivery in self._deliveries.get(task_id, []):
            if delivery.number == number:
                name = delivery.message_id
                self._webhooks[name] = replace(self._webhooks[name], failed_attempts=0)
                self._due[name] = self._clock.now()
                self._leases.pop(name, None)
                return True
        return False

    def logged(self) -> Sequence[LoggedDelivery]:
        self._look()
        return list(self._logged)

    def pending(self) -> int:
        self._look()
        return len(self._due)

    def due(self) -> int:
        self._look()
        return sum(at <= self._clock.now() for at in self._due.values())

    def _look(self) -> None:
        self._store.check()
        for task in self._store.ended[self._seen :]:
            webhook = Webhook(task=task)
            self._webhooks[webhook.message_id] = webhook
            self._due[webhook.message_id] = self._clock.now()
        self._seen = len(self._store.ended)


def _without_long_members(webhook: Webhook) -> tuple[Webhook, int]:
    """Return the webhook as it is leased, and its size."""
    task, record = webhook.task, encode(webhook.task)
    lengths = {field: len(record.get(field, b"")) for field in OMITTABLE}
    omitted = tuple(name for field, name in OMITTABLE.items() if lengths[field])
    payload = {} if "payload" in omitted else task.spec.payload
    short = replace(task, spec=replace(task.spec, payload=payload), result=None, omitted=omitted)
    size = sum(length for length in lengths.values() if length > LONG_BYTES)
    return replace(webhook, task=short), min(size, MAX_BYTES)
