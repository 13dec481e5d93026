"""Make links to single tasks, which work without a key."""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from application.ports.clock import Clock
from application.ports.task_repository import TaskRepository
from domain.task_link import LinkAction, TaskLink


class LinksNotUsed(Exception):
    """The service has no secret that signs links."""

    def __init__(self) -> None:
        super().__init__("This service makes no links. Its operator has to set TASKS_LINK_SECRET.")


class LinkOwner(NamedTuple):
    """The key that makes a link, and the hash of its secret that the request showed."""

    key_id: str
    key_sha256: bytes


class IssuedLink(NamedTuple):
    link: TaskLink
    token: str


class LinkTasks:
    def __init__(self, tasks: TaskRepository, secrets: Sequence[str], clock: Clock) -> None:
        """The first of `secrets` signs. The others are being replaced."""
        self._tasks = tasks
        self._secrets = secrets
        self._clock = clock

    def execute(
        self, task_id: str, actions: Iterable[LinkAction], lifetime: timedelta, owner: LinkOwner
    ) -> IssuedLink:
        """Return a link to a task that the caller has. Nothing is stored.

        Raises TaskNotFound, LinksNotUsed, StoreUnavailable.
        """
        if not self._secrets:
            raise LinksNotUsed
        task = self._tasks.get_or_raise(task_id)
        link = TaskLink(
            task_id=task.task_id,
            key_id=owner.key_id,
            actions=frozenset(actions),
            expires_at=_whole_seconds(self._clock.now() + lifetime),
        )
        return IssuedLink(link, link.token(self._secrets[0], owner.key_sha256))


def _whole_seconds(time: datetime) -> datetime:
    return time.replace(microsecond=0)
