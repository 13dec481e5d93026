"""Write actors and changes of tasks as short JSON texts, and read them."""

import json
from collections.abc import Sequence
from typing import Any

from adapters.redis.entries import TIME_DIGITS
from adapters.redis.task_codec import epoch_milliseconds, instant
from application.changed_members import changed_members
from domain.actor import Actor, ActorKind
from domain.events import Event, event_of
from domain.history import EndedRun, HistoryEntry, MemberChange
from domain.task import Task

_json = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False).encode


def encode_actor(actor: Actor) -> bytes:
    members = [str(actor.kind), actor.key_id, actor.name, actor.address]
    while not members[-1]:
        members.pop()
    return _json(members).encode()


def decode_actor(text: bytes) -> Actor:
    """Raises ValueError or TypeError for a damaged text."""
    return _actor(json.loads(text))


def encode_entry(before: Task, after: Task, actor: bytes) -> bytes:
    """Return the entry of a change, behind which save.lua puts the present time."""
    run: list[Any] | None = None
    if before.owner and not after.owner:
        started_at = epoch_milliseconds(before.started_at or before.submitted_at)
        run = [before.attempt, started_at, before.owner]
    changes = [
        [change.member, change.before, change.after] if change.are_shown else [change.member]
        for change in changed_members(before, after)
    ]
    head = _json([after.version, event_of(before, after), changes, run])
    return b"%b,%b]" % (head[:-1].encode(), actor)


def decode_entry(entry: bytes) -> HistoryEntry:
    """Raises ValueError, TypeError, KeyError or OverflowError for a damaged entry."""
    at = instant(int(entry[-TIME_DIGITS:]))
    version, event, changes, run, actor = json.loads(entry[:-TIME_DIGITS])
    return HistoryEntry(
        version=int(version),
        event=Event(event),
        at=at,
        actor=_actor(actor),
        attempt=int(run[0]) if run else None,
        changes=tuple(map(_change, changes)),
        run=_run(*run) if run else None,
    )


def _actor(members: Sequence[str]) -> Actor:
    kind, key_id, name, address = [*map(str, members), "", "", ""][:4]
    return Actor(kind=ActorKind(kind), key_id=key_id, name=name, address=address)


def _change(members: Sequence[Any]) -> MemberChange:
    if len(members) == 1:
        return MemberChange(member=str(members[0]), are_shown=False)
    member, before, after = members
    return MemberChange(member=str(member), before=before, after=after)


def _run(attempt: int, started: int, owner: str) -> EndedRun:
    return EndedRun(attempt=int(attempt), started_at=instant(started), owner=str(owner))
