"""Calls about keys and links, for both clients."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TypeVar

from task_manager_client import key_models, key_operations
from task_manager_client.calls import Call

T = TypeVar("T")


class KeyCalls:
    """The methods of `Client` about keys and links."""

    def send(self, call: Call[T]) -> T:
        """Send a call."""
        raise NotImplementedError

    def session(self) -> key_models.Session:
        """Return what the client's key may do."""
        return self.send(key_operations.get_session())

    def keys(self) -> tuple[key_models.ListedKey, ...]:
        """Return all keys of the service, without their secrets."""
        return self.send(key_operations.list_keys()).keys

    def create_key(
        self,
        name: str,
        role: key_models.RoleName,
        *,
        queues: Sequence[str] | None = None,
        labels: Mapping[str, str] | None = None,
        expires_at: datetime | None = None,
        rate_limit: str | None = None,
    ) -> key_models.IssuedKey:
        """Make a key and return it with its token, which cannot be read again.

        A key that is bound to queues or labels has only tasks of these. A `rate_limit` such as
        "600/minute" is that of this key alone.
        """
        call = key_operations.create_key(
            name,
            role,
            queues=queues,
            labels=labels,
            expires_at=expires_at,
            rate_limit=rate_limit,
        )
        return self.send(call)

    def revoke_key(self, key_id: str) -> None:
        """Revoke the key. The service refuses it within five seconds."""
        self.send(key_operations.revoke_key(key_id))

    def rotate_key(self, key_id: str, *, keep_seconds: int = 0) -> key_models.IssuedKey:
        """Give the key a new secret. The old one opens it for `keep_seconds` longer."""
        return self.send(key_operations.rotate_key(key_id, keep_seconds=keep_seconds))

    def share(
        self, task_id: str, *, expires_in: int | None = None, cancel: bool = False
    ) -> key_models.Link:
        """Return a link to the task that works without a key, by default for a day.

        It leads to the task, its events and its log, and with `cancel` lets the task be cancelled.
        """
        actions = ["read", "cancel"] if cancel else ["read"]
        call = key_operations.create_link(task_id, expires_in=expires_in, actions=actions)
        return self.send(call)


class AsyncKeyCalls:
    """The methods of `AsyncClient` about keys and links."""

    async def send(self, call: Call[T]) -> T:
        """Send a call."""
        raise NotImplementedError

    async def session(self) -> key_models.Session:
        """Return what the client's key may do."""
        return await self.send(key_operations.get_session())

    async def keys(self) -> tuple[key_models.ListedKey, ...]:
        """Return all keys of the service, without their secrets."""
        return (await self.send(key_operations.list_keys())).keys

    async def create_key(
        self,
        name: str,
        role: key_models.RoleName,
        *,
        queues: Sequence[str] | None = None,
        labels: Mapping[str, str] | None = None,
        expires_at: datetime | None = None,
        rate_limit: str | None = None,
    ) -> key_models.IssuedKey:
        """Make a key and return it with its token, which cannot be read again.

        A key that is bound to queues or labels has only tasks of these. A `rate_limit` such as
        "600/minute" is that of this key alone.
        """
        call = key_operations.create_key(
            name,
            role,
            queues=queues,
            labels=labels,
            expires_at=expires_at,
            rate_limit=rate_limit,
        )
        return await self.send(call)

    async def revoke_key(self, key_id: str) -> None:
        """Revoke the key. The service refuses it within five seconds."""
        await self.send(key_operations.revoke_key(key_id))

    async def rotate_key(self, key_id: str, *, keep_seconds: int = 0) -> key_models.IssuedKey:
        """Give the key a new secret. The old one opens it for `keep_seconds` longer."""
        return await self.send(key_operations.rotate_key(key_id, keep_seconds=keep_seconds))

    async def share(
        self, task_id: str, *, expires_in: int | None = None, cancel: bool = False
    ) -> key_models.Link:
        """Return a link to the task that works without a key, by default for a day.

        It leads to the task, its events and its log, and with `cancel` lets the task be cancelled.
        """
        actions = ["read", "cancel"] if cancel else ["read"]
        call = key_operations.create_link(task_id, expires_in=expires_in, actions=actions)
        return await self.send(call)
