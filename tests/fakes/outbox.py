from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from application.ports.clock import Clock
from application.ports.outbox import LeasedDelivery, Outbox
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

    def lease(self, *, limit: int, duration: timedelta) -> Sequence[LeasedDelivery]:
        self._look()
        now = self._clock.now()
        due = sorted((at, name) for name, at in self._due.items() if at <= now)[:limit]
        taken = []
        for _, name in due:
            self._given += 1
            self._due[name], self._leases[name] = now + duration, self._given
            taken.append(LeasedDelivery(webhook=self._webhooks[name], lease=self._given))
        return taken

    def record_attempt(self, delivery: LeasedDelivery, attempt: DeliveryAttempt) -> bool:
        self._look()
        webhook = delivery.webhook
        name = webhook.message_id
        if self._leases.get(name) != delivery.lease:
            return False
        del self._due[name], self._leases[name]
        if attempt.next_at:
            self._due[name] = attempt.next_at
        self._webhooks[name] = replace(webhook, failed_attempts=webhook.failed_attempts + 1)
        earlier = self._deliveries.setdefault(webhook.task.task_id, [])
        number = earlier[-1].number + 1 if earlier else 1
        earlier.append(
            Delivery(number=number, message_id=name, event=webhook.event, attempt=attempt)
        )
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

    def _look(self) -> None:
        self._store.check()
        for task in self._store.ended[self._seen :]:
            webhook = Webhook(task=task)
            self._webhooks[webhook.message_id] = webhook
            self._due[webhook.message_id] = self._clock.now()
        self._seen = len(self._store.ended)
