"""What follows from the state of a task: the indexes in which it stands. One function an index.

Each looks at the task before (None: it is new) and after (None: it is removed) and adds the effects of the difference.
"""

from collections.abc import Callable
from datetime import datetime, timedelta

from adapters.redis import keys
from adapters.redis.effects import Effects, Key
from adapters.redis.task_codec import epoch_milliseconds, id_bytes
from adapters.redis.tokens import Token
from domain.status import Status
from domain.task import Task

LOST_FOR = timedelta(days=1)
"""How long after a crash its owner can still say that it was none."""

TokenOf = Callable[[str], Token]


def write_indexes(effects: Effects, before: Task | None, after: Task | None, token_of: TokenOf) -> None:
    task = after or before
    member = id_bytes(task.task_id) if task else None
    if task is None or member is None:
        raise ValueError("a change needs a task with an id")
    _submitted(effects, member, before, after)
    _running(effects, member, before, after)
    _lost(effects, member, before, after)
    _timed(effects, keys.SCHEDULED, member, _due(before), _due(after))
    _timed(effects, keys.EXPIRING, member, _expires(before), _expires(after))
    _waiting(effects, member, before, after, token_of)
    _finished(effects, member, before, after)


def top_up(effects: Effects, queue: str, token: Token) -> None:
    """Put the tokens that the queue lacks."""
    arguments = [Key(keys.waiting(queue)), Key(keys.SEQUENCE), Key(keys.QUEUES), queue, token.bound, token.template]
    effects.add("tokens", token.list_key, *arguments)


def finished_entry(task: Task) -> bytes | None:
    """The entry of a final task in the list of finished ones."""
    member = id_bytes(task.task_id)
    if task.finished_at is None or member is None:
        return None
    return member + str(epoch_milliseconds(task.finished_at)).encode()


def _submitted(effects: Effects, member: bytes, before: Task | None, after: Task | None) -> None:
    if before is None:
        effects.add("index", keys.SUBMITTED, member)
    elif after is None:
        effects.add("unindex", keys.SUBMITTED, member)


def _running(effects: Effects, member: bytes, before: Task | None, after: Task | None) -> None:
    """Only the claim script starts a run and only the renew script moves its lease: here it ends."""
    if before and before.owner and not (after and after.owner):
        effects.add("unindex", keys.LEASES, member)
        effects.unset(keys.HELD, [before.owner])


def _lost(effects: Effects, member: bytes, before: Task | None, after: Task | None) -> None:
    """An owner loses one run in its life: it dies with it."""
    if before and before.owner and after and after.crashes > before.crashes:
        value = f"{before.claim} ".encode() + member
        effects.add("remember", keys.lost(before.owner), value, LOST_FOR // timedelta(milliseconds=1))


def _timed(effects: Effects, index: bytes, member: bytes, old: datetime | None, new: datetime | None) -> None:
    if old == new:
        return
    if new is None:
        effects.add("unindex", index, member)
    else:
        effects.add("index", index, member, epoch_milliseconds(new))


def _waiting(effects: Effects, member: bytes, before: Task | None, after: Task | None, token_of: TokenOf) -> None:
    old, new = _place(before), _place(after)
    if old == new:
        return
    if old and (new is None or new[0] != old[0]):
        effects.add("unindex", keys.waiting(old[0]), member)
    if after and new:
        queue, priority = new
        record = Key(keys.record(after.task_id))
        effects.add("enqueue", keys.waiting(queue), record, Key(keys.SEQUENCE), member, priority)
        top_up(effects, queue, token_of(queue))


def _finished(effects: Effects, member: bytes, before: Task | None, after: Task | None) -> None:
    """A task that is deleted early leaves its entry behind; it falls out when its time comes."""
    if after and after.status.is_final and not (before and before.status.is_final):
        effects.add("push_dated", keys.FINISHED, member)


def _due(task: Task | None) -> datetime | None:
    return task.due_at if task else None


def _expires(task: Task | None) -> datetime | None:
    return task.spec.expires_at if task and task.status.is_waiting else None


def _place(task: Task | None) -> tuple[str, int] | None:
    return (task.spec.queue, task.spec.priority) if task and task.status is Status.QUEUED else None
