"""Responses that schemas write: each member comes from the attribute that its schema names."""

from datetime import timedelta
from typing import Any

import pytest

from application.ports.run import LogLine
from domain.events import Event
from domain.webhook import Delivery, DeliveryAttempt
from entrypoints.api.schemas.delivery_responses import DeliveryResponse
from entrypoints.api.schemas.log_responses import LogLineResponse
from tests.building import NOON

TIME = NOON.isoformat(timespec="milliseconds").replace("+00:00", "Z")


@pytest.mark.parametrize(
    ("status", "error", "waits", "expected"),
    [
        (200, None, False, {"status": 200, "outcome": "delivered"}),
        (500, None, False, {"status": 500, "outcome": "given_up"}),
        (None, "refused", True, {"error": "refused", "outcome": "to_be_retried", "next_try": TIME}),
    ],
)
def test_a_delivery_has_a_status_or_an_error(
    status: int | None, error: str | None, *, waits: bool, expected: dict[str, Any]
) -> None:
    attempt = DeliveryAttempt(at=NOON, status=status, error=error, next_at=NOON if waits else None)
    delivery = Delivery(number=2, message_id="msg_1", event=Event.COMPLETED, attempt=attempt)

    members = {"number": 2, "message_id": "msg_1", "event": "task.completed", "time": TIME}
    assert DeliveryResponse().dump(delivery) == members | expected


def test_a_log_line_has_its_time_to_the_millisecond() -> None:
    line = LogLine(at=NOON + timedelta(microseconds=1_999), attempt=3, message="Größe", number=1)

    assert LogLineResponse().dump(line) == {
        "number": 1,
        "time": TIME.replace(".000Z", ".001Z"),
        "attempt": 3,
        "message": "Größe",
    }
