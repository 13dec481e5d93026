"""What Redis holds about one task, and its form in JSON.

The names of members are those of this file for ever: archives have them.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

from adapters.redis.indexes import WEBHOOK_KEPT_MS
from adapters.redis.task_codec import SEPARATOR

Fields = Mapping[bytes, bytes]
MAX_NUMBER = 2**53
"""Redis counts and scores exactly up to this number."""


@dataclass(frozen=True, kw_only=True)
class StoredWebhook:
    version: int
    """The version of the task at the end that the webhook tells of."""
    due_ms: int | None
    """When it is sent next, in milliseconds since 1970; None once it was delivered or given up."""
    kept_ms: int
    """Milliseconds after which it is forgotten."""
    record: Fields
    """The record as it was then; empty if it is that of the task."""


@dataclass(frozen=True, kw_only=True)
class StoredTask:
    record: Fields
    attempts: Sequence[bytes] = ()
    log: Sequence[bytes] = ()
    deliveries: Fields
    deliveries_ms: int = 0
    """Milliseconds after which the deliveries are forgotten."""
    webhooks: Sequence[StoredWebhook] = ()

    @classmethod
    def of_reply(cls, reply: Any) -> Self:
        """Read the reply of archive.lua about one task."""
        record, attempts, log, deliveries, deliveries_ms, webhooks = reply
        return cls(
            record=_fields(record),
            attempts=attempts,
            log=log,
            deliveries=_fields(deliveries),
            deliveries_ms=max(int(deliveries_ms), 0),
            webhooks=[
                StoredWebhook(
                    version=int(version),
                    due_ms=None if due is None else int(float(due)),
                    kept_ms=int(kept_ms) if kept_ms > 0 else WEBHOOK_KEPT_MS,
                    record=_fields(copy),
                )
                for version, due, kept_ms, copy in webhooks
            ],
        )

    def as_json(self) -> dict[str, Any]:
        """Return the JSON object. Raises ValueError for bytes that are no text."""
        members: dict[str, Any] = {"record": _texts(self.record)}
        if self.attempts:
            members["attempts"] = [entry.decode() for entry in self.attempts]
        if self.log:
            members["log"] = [line.decode() for line in self.log]
        if self.deliveries:
            members["deliveries"] = _texts(self.deliveries)
            members["deliveries_ms"] = self.deliveries_ms
        if self.webhooks:
            members["webhooks"] = [
                {
                    "version": webhook.version,
                    "due_ms": webhook.due_ms,
                    "kept_ms": webhook.kept_ms,
                    "record": _texts(webhook.record),
                }
                for webhook in self.webhooks
            ]
        return members

    @classmethod
    def from_json(cls, members: Mapping[str, Any]) -> Self:
        """Raises an error for any other object.

        It is a ValueError, KeyError, TypeError, AttributeError or OverflowError.
        """
        return cls(
            record=_bytes(members["record"]),
            attempts=[entry.encode() for entry in members.get("attempts", ())],
            log=[line.encode() for line in members.get("log", ())],
            deliveries=_bytes(members.get("deliveries", {})),
            deliveries_ms=_lifetime(members.get("deliveries_ms", 0)),
            webhooks=[
                StoredWebhook(
                    version=exact(int(each["version"])),
                    due_ms=None if each["due_ms"] is None else exact(int(each["due_ms"])),
                    kept_ms=_lifetime(each["kept_ms"]),
                    record=_bytes(each["record"]),
                )
                for each in members.get("webhooks", ())
            ],
        )


def _fields(flat: Any) -> Fields:
    """Return fields and values as a mapping. Redis replies with a list or, in RESP3, a mapping."""
    return flat if isinstance(flat, dict) else dict(zip(flat[::2], flat[1::2], strict=True))


def exact(number: int) -> int:
    """Return the number. Raises ValueError for one that Redis could not count on from."""
    if not 0 <= number < MAX_NUMBER:
        raise ValueError(f"{number} is out of range")
    return number


def _texts(fields: Fields) -> dict[str, str]:
    return {name.decode(): value.decode() for name, value in fields.items()}


def _bytes(members: Mapping[str, str]) -> Fields:
    """Raises ValueError for values with the byte that separates them in replies of scripts."""
    fields = {name.encode(): value.encode() for name, value in members.items()}
    if any(SEPARATOR in text for pair in fields.items() for text in pair):
        raise ValueError("a field has a zero byte")
    return fields


def _lifetime(milliseconds: Any) -> int:
    return max(exact(int(milliseconds)), 1)
