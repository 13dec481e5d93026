"""Leases in Redis: a sorted set of running tasks by the end of their lease, a hash of owners."""

import time
from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta
from functools import cache
from typing import Any

from adapters.redis import keys
from adapters.redis.effects import ANY, HASH, LIST, SET, SORTED_SET, STREAM, Effects
from adapters.redis.entries import held_entry, split_lost_entry
from adapters.redis.id_codec import id_text, require_id_bytes
from adapters.redis.indexes import WakeUpOf
from adapters.redis.lanes import io_lane, queue_of
from adapters.redis.records import decode_reply
from adapters.redis.replies import milliseconds
from adapters.redis.save_script import SaveReply, SaveScript, succeeded
from adapters.redis.store import RedisStore
from adapters.redis.task_repository import RedisTaskRepository, require_saved
from application.errors import RunStillHeld
from application.lease_quarantine import LeaseQuarantine
from application.ports.task_leases import Claim, LostRun, Renewals, TaskLeases
from application.ports.task_repository import Backlog, Change
from application.skipped_items import SkippedItems
from domain.status import Status
from domain.task import Task

STILL_HELD = 2


class RedisTaskLeases(TaskLeases):
    """The server's clock decides when a lease ends."""

    def __init__(
        self,
        store: RedisStore,
        repository: RedisTaskRepository,
        wake_up_of: WakeUpOf,
        lease: timedelta,
        events_kept: int,
        *,
        both_lanes: bool = False,
    ) -> None:
        """With `both_lanes`, `claim` takes the first task of either lane of a queue."""
        self._both_lanes = both_lanes
        self._store = store
        self._repository = repository
        self._wake_up_of = wake_up_of
        self._lease = lease
        self._lease_ms = lease // timedelta(milliseconds=1)
        self._events_kept = events_kept
        self._save = SaveScript(store)
        self._renew = store.script("renew")
        self._renew_each = store.script("renew_each")
        self._skipped_items = SkippedItems()
        self._keys_of_claim = cache(self._list_keys_of_claim)
        self._quarantine = LeaseQuarantine(lease)

    def claim(self, queue: str, *, owner: str, claim_id: str) -> Task | None:
        effects = Effects()
        self._add_claim(effects, queue, owner, claim_id)
        return self._claimed(self._save.run(effects), owner)

    def finish_and_claim(
        self, end: Change, queue: str, *, owner: str, claim_id: str
    ) -> Task | None:
        effects = self._repository.effects_of(end)
        self._add_claim(effects, queue, owner, claim_id)
        reply = self._save.run(effects)
        require_saved(end.after, reply)
        return self._claimed(reply, owner)

    def finish_and_claim_many(
        self, ends: Sequence[Change], claims: Sequence[Claim]
    ) -> tuple[Sequence[bool], Sequence[Task | RunStillHeld | None]]:
        steps = list(map(self._repository.effects_of, ends))
        for claim in claims:
            effects = Effects()
            self._add_claim(effects, io_lane(claim.queue), claim.owner, claim.claim_id)
            steps.append(effects)
        replies = self._save.run_each(steps)
        saved = [succeeded(reply) for reply in replies[: len(ends)]]
        pairs = zip(claims, replies[len(ends) :], strict=True)
        return saved, [self._claimed_or_held(claim, reply) for claim, reply in pairs]

    def renew_each(self, runs: Sequence[Task]) -> Renewals:
        names = [keys.LEASES, *(keys.record(run.task_id) for run in runs)]
        about: list[Any] = [self._lease_ms]
        for run in runs:
            about += (require_id_bytes(run.task_id), run.fencing_token, run.owner or "")
        said = self._renew_each(names, about).decode() if runs else ""
        pairs = list(zip(runs, said, strict=True))
        return Renewals(
            lost=[run for run, letter in pairs if letter == "0"],
            to_stop=[run for run, letter in pairs if letter == "2"],
        )

    def renew(self, task: Task) -> bool:
        raw = require_id_bytes(task.task_id)
        run = [raw, task.fencing_token, task.owner or "", self._lease_ms]
        return bool(self._renew([keys.record(task.task_id), keys.LEASES], run))

    def expired(self, *, limit: int) -> Sequence[Task]:
        with self._store.client() as client:
            now = milliseconds(client.time())
            uptime = int(client.info("server")["uptime_in_seconds"])
        if self._quarantine.is_active(
            store_now=now / 1000, store_uptime=uptime, monotonic=time.monotonic()
        ):
            return []
        return self._repository.backlogs.past(Backlog.LOST, limit, now)  # the time that was judged

    def held_by(self, owners: Sequence[str]) -> Sequence[Task]:
        with self._store.client() as client:
            held = client.hmget(keys.HELD, owners) if owners else []
        return [task for task in self._held_tasks(filter(None, held)) if task.owner in owners]

    def held_by_prefix(self, owner_prefix: str) -> Sequence[Task]:
        with self._store.client() as client:
            held = client.hgetall(keys.HELD)
        of_worker = (
            entry for owner, entry in held.items() if owner.startswith(owner_prefix.encode())
        )
        return [
            task
            for task in self._held_tasks(of_worker)
            if task.owner and task.owner.startswith(owner_prefix)
        ]

    def lost_by(self, owners: Sequence[str]) -> Sequence[LostRun]:
        with self._store.client() as client:
            entries = client.mget([keys.lost(owner) for owner in owners]) if owners else []
        lost = [
            (owner, *split_lost_entry(entry))
            for owner, entry in zip(owners, entries, strict=True)
            if entry
        ]
        return [
            LostRun(task=task, fencing_token=fencing_token, owner=owner)
            for owner, fencing_token, raw in lost
            for task in self._repository.records.short([raw])
        ]

    def running(self) -> Mapping[str, str]:
        with self._store.client() as client:
            held = client.hgetall(keys.HELD)
        tasks = ((owner, held_entry(entry)[0]) for owner, entry in held.items())
        return {owner.decode(errors="replace"): id_text(raw) for owner, raw in tasks if raw}

    def _add_claim(self, effects: Effects, lane: str, owner: str, claim_id: str) -> None:
        """Claim the first task of a lane; of both lanes of the queue for `both_lanes`."""
        queue, wake_up = queue_of(lane), self._wake_up_of(lane)
        effects.claim(
            keys.waiting(lane),
            self._keys_of_claim(lane),
            *(owner, claim_id, self._lease_ms, keys.RECORD_PREFIX),
            *(queue, wake_up.bound, wake_up.template, self._events_kept),
            *(self._other_lane(effects, queue) if self._both_lanes else (0,)),
        )

    def _other_lane(self, effects: Effects, queue: str) -> tuple[Any, ...]:
        """Return the arguments of claim.lua about the I/O lane of the queue."""
        lane = io_lane(queue)
        wake_up = self._wake_up_of(lane)
        types = {keys.waiting(lane): SORTED_SET, wake_up.list_key: LIST}
        return *effects.places_of(types), wake_up.template

    def _list_keys_of_claim(self, lane: str) -> dict[bytes, str]:
        """Return the keys of claim.lua after the waiting tasks, in its order, with their types."""
        return {
            keys.LEASES: SORTED_SET,
            keys.HELD: HASH,
            self._wake_up_of(lane).list_key: LIST,
            keys.SEQUENCE: ANY,
            keys.CLAIMS: ANY,
            keys.EVENTS: STREAM,
            keys.PAUSED: SET,
            keys.status_index(Status.QUEUED): SORTED_SET,
            keys.status_index(Status.PROCESSING): SORTED_SET,
            keys.EXPIRING: ANY,
        }

    def _held_tasks(self, entries: Iterable[bytes]) -> Sequence[Task]:
        """Return the tasks without long payloads: a worker reads those of all children often."""
        return self._repository.records.short(held_entry(entry)[0] for entry in entries)

    def _claimed_or_held(
        self, claim: Claim, reply: SaveReply | Exception
    ) -> Task | RunStillHeld | None:
        if isinstance(reply, Exception):
            self._skipped_items.log_once("claim", claim.queue, reply)
            return None
        try:
            return self._claimed(reply, claim.owner)
        except RunStillHeld as held:
            return held

    def _claimed(self, reply: SaveReply, owner: str) -> Task | None:
        """Return the task of a claim. The owner releases a task that cannot be read, and goes on.

        Raises RunStillHeld.
        """
        if not reply.claimed:
            return None
        kind, raw, record = reply.claimed
        run = decode_reply(raw, record)
        if not isinstance(
            run, Task
        ):  # the worker must not claim the damaged record again and again
            self._skipped_items.log_once("claim", id_text(raw), run)
            with self._store.client() as client:
                client.hdel(keys.HELD, owner)
            return None
        if kind == STILL_HELD:
            raise RunStillHeld(run)
        return run
