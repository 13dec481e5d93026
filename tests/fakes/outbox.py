from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from application.ports.clock import Clock
from application.ports.outbox import LeasedDelivery, Outbox
from domain.webhook import Delivery, DeliveryAttempt, Webhook
from tests.fakes.task_store import FakeTaskStore


class FakeOutbox(Outbox):
    """Looks at the tasks that became final in the store."""

    def __init__(self, store: FakeTaskStore, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._seen = 0
        self._due: dict[str, datetime] = {}
        self._messages: dict[str, Webhook] = {}
        self._leases: dict[str, int] = {}
        self._taken = 0
        self._tries: dict[str, list[Delivery]] = {}

    def take(self, *, limit: int, lease: timedelta) -> Sequence[LeasedDelivery]:
        self._look()
        now = self._clock.now()
        due = sorted((at, name) for name, at in self._due.items() if at <= now)[:limit]
        taken = []
        for _, name in due:
            self._taken += 1
            self._due[name], self._leases[name] = now + lease, self._taken
            taken.append(LeasedDelivery(message=self._messages[name], lease=self._taken))
        return taken

    def settle(self, taken: LeasedDelivery, record_attempt: DeliveryAttempt) -> bool:
        self._look()
        message = taken.message
        name = message.message_id
        if self._leases.get(name) != taken.lease:
            return False
        del self._due[name], self._leases[name]
        if record_attempt.next_at:
            self._due[name] = record_attempt.next_at
        self._messages[name] = replace(message, tries=message.tries + 1)
        tries = self._tries.setdefault(message.task.task_id, [])
        number = tries[-1].number + 1 if tries else 1
        tries.append(Delivery(number=number, message_id=name, event=message.event, record_attempt=record_attempt))
        del tries[:-1_000]
        return True

    def deliveries(self, task_id: str) -> Sequence[Delivery]:
        self._look()
        return list(self._tries.get(task_id, []))

    def resend(self, task_id: str, number: int) -> bool:
        self._look()
        for delivery in self._tries.get(task_id, []):
            if delivery.number == number:
                name = delivery.message_id
                self._messages[name] = replace(self._messages[name], tries=0)
                self._due[name] = self._clock.now()
                self._leases.pop(name, None)
                return True
        return False

    def _look(self) -> None:
        self._store.check()
        for task in self._store.ended[self._seen :]:
            message = Webhook(task=task)
            self._messages[message.message_id] = message
            self._due[message.message_id] = self._clock.now()
        self._seen = len(self._store.ended)
