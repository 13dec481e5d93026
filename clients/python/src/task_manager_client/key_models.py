"""The responses of the API about keys and sessions."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from task_manager_client.models import Model

RoleName = Literal["viewer", "submitter", "operator", "admin", "metrics"]


@dataclass(frozen=True, kw_only=True)
class Key(Model):
    """A key of the service, without its secret. Without queues and labels it is not bound."""

    key_id: str
    name: str
    role: str
    queues: tuple[str, ...]
    labels: Mapping[str, str]
    created_at: datetime
    expires_at: datetime | None = None
    rate_limit: str | None = None
    """The limit of requests of this key alone, such as 600/minute."""


@dataclass(frozen=True, kw_only=True)
class ListedKey(Key):
    """A key, and the minute in which it was last used."""

    last_used_at: datetime | None = None


@dataclass(frozen=True, kw_only=True)
class Keys(Model):
    """All keys."""

    keys: tuple[ListedKey, ...]


@dataclass(frozen=True, kw_only=True)
class IssuedKey(Key):
    """A key with its token, which the service shows this once."""

    token: str


@dataclass(frozen=True, kw_only=True)
class LinkUrls(Model):
    """Where a link to a task leads, relative to the URL of the service (`client.url`).

    `page` is for people with a browser; the others are for programs.
    """

    page: str
    task: str
    events: str
    log: str
    cancel: str | None = None


@dataclass(frozen=True, kw_only=True)
class Link(Model):
    """A link to a task. Whoever has it needs no key."""

    token: str
    actions: tuple[str, ...]
    expires_at: datetime
    urls: LinkUrls


@dataclass(frozen=True, kw_only=True)
class Session(Model):
    """The rights of the caller. If `needs_key` is false, everyone may do everything."""

    needs_key: bool
    role: str
    permissions: tuple[str, ...]
    queues: tuple[str, ...]
    labels: Mapping[str, str]
    key_id: str | None = None
    name: str | None = None
