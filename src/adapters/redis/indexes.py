"""What follows from the state of a task: the indexes in which it stands. One function an index.

Each looks at the task before (None: it is new) and after (None: it is removed) and adds the effects of the difference.
"""

from collections.abc import Callable

from adapters.redis import keys
from adapters.redis.effects import Effects, Key
from adapters.redis.task_codec import id_bytes
from adapters.redis.tokens import Token
from domain.status import Status
from domain.task import Task

DEFAULT_QUEUE = "default"
TokenOf = Callable[[str], Token]


def write_indexes(effects: Effects, before: Task | None, after: Task | None, token_of: TokenOf) -> None:
    task = after or before
    member = id_bytes(task.task_id) if task else None
    if task is None or member is None:
        raise ValueError("a change needs a task with an id")
    _submitted(effects, member, before, after)
    _running(effects, member, before, after)
    _waiting(effects, member, before, after, token_of)
    _finished(effects, member, before, after)


def finished_entry(task: Task) -> bytes | None:
    """The entry of a final task in the list of finished ones."""
    member = id_bytes(task.task_id)
    if task.finished_at is None or member is None:
        return None
    return member + str(round(task.finished_at.timestamp() * 1000)).encode()


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


def _waiting(effects: Effects, member: bytes, before: Task | None, after: Task | None, token_of: TokenOf) -> None:
    old, new = _priority(before), _priority(after)
    if old == new:
        return
    waiting = keys.waiting(DEFAULT_QUEUE)
    if after is None or new is None:
        effects.add("unindex", waiting, member)
        return
    sequence, record = Key(keys.SEQUENCE), Key(keys.record(after.task_id))
    token = token_of(DEFAULT_QUEUE)
    effects.add("enqueue", waiting, record, sequence, member, new)
    effects.add(
        "tokens",
        token.list_key,
        Key(waiting),
        sequence,
        Key(keys.QUEUES),
        DEFAULT_QUEUE,
        token.bound,
        token.template,
    )


def _finished(effects: Effects, member: bytes, before: Task | None, after: Task | None) -> None:
    """A task that is deleted early leaves its entry behind; it falls out when its time comes."""
    if after and after.status.is_final and not (before and before.status.is_final):
        effects.add("push_dated", keys.FINISHED, member)


def _priority(task: Task | None) -> int | None:
    return task.spec.priority if task and task.status is Status.QUEUED else None
