"""The keys of the API in Redis: a hash of them as JSON, a hash of their uses, and sessions.

Who can read Redis learns hashes of secrets, and opens nothing with them.
"""

import json
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any

from redis import WatchError

from adapters.redis import keys
from adapters.redis.replies import milliseconds
from adapters.redis.store import RedisStore
from adapters.redis.task_codec import epoch_milliseconds, instant
from application.ports.access_keys import (
    MAX_KEYS,
    MAX_SESSIONS,
    AccessKeys,
    ListedKey,
    Session,
    TooManyKeys,
)
from application.skipped_items import SkippedItems
from domain.access import AccessKey, Role, StoredSecret
from domain.restore import restore

MINUTE_MS = 60_000


class RedisAccessKeys(AccessKeys):
    def __init__(
        self, store: RedisStore, let_others_run: Callable[[], None] = lambda: None
    ) -> None:
        """`let_others_run` is called between keys, for a process that serves other requests."""
        self._store = store
        self._let_others_run = let_others_run
        self._skipped_items = SkippedItems()

    def get(self, key_id: str) -> AccessKey | None:
        with self._store.client() as client:
            return self._decoded(key_id, client.hget(keys.ACCESS_KEYS, key_id))

    def all(self) -> Sequence[ListedKey]:
        with self._store.client() as client:
            pipeline = client.pipeline(transaction=False)
            pipeline.hgetall(keys.ACCESS_KEYS)
            pipeline.hgetall(keys.ACCESS_KEY_USES)
            stored, uses = pipeline.execute()
        listed = []
        for key_id, text in stored.items():
            self._let_others_run()
            if key := self._decoded(key_id.decode(), text):
                listed.append(ListedKey(key=key, last_used_at=_minute(uses.get(key_id))))
        return sorted(listed, key=lambda each: (each.key.created_at, each.key.key_id))

    def add(self, key: AccessKey) -> None:
        with self._store.client() as client:
            # Some more than MAX_KEYS may come to be when several are added at once.
            if client.hlen(keys.ACCESS_KEYS) >= MAX_KEYS:
                raise TooManyKeys
            client.hset(keys.ACCESS_KEYS, key.key_id, _encode(key))
        self._store.require_replicas()

    def replace(self, before: AccessKey, after: AccessKey) -> bool:
        with self._store.client() as client, client.pipeline() as pipeline:
            pipeline.watch(keys.ACCESS_KEYS)
            stored = self._decoded(before.key_id, pipeline.hget(keys.ACCESS_KEYS, before.key_id))
            if stored != before:
                return False
            pipeline.multi()
            pipeline.hset(keys.ACCESS_KEYS, before.key_id, _encode(after))
            try:
                pipeline.execute()
            except WatchError:
                return False
        self._store.require_replicas()
        return True

    def remove(self, key_id: str) -> bool:
        with self._store.client() as client:
            pipeline = client.pipeline(transaction=True)
            pipeline.hdel(keys.ACCESS_KEYS, key_id)
            pipeline.hdel(keys.ACCESS_KEY_USES, key_id)
            removed, _ = pipeline.execute()
        self._store.require_replicas()  # a failover must not bring back a key that was revoked
        return bool(removed)

    def note_use(self, key_id: str) -> None:
        with self._store.client() as client:
            minute = milliseconds(client.time()) // MINUTE_MS
            client.hset(keys.ACCESS_KEY_USES, key_id, minute)

    def add_session(self, sha256: bytes, session: Session, duration: timedelta) -> None:
        sessions = keys.sessions_of(session.key_id)
        with self._store.client() as client:
            pipeline = client.pipeline(transaction=True)
            pipeline.set(keys.session(sha256), _encode_session(session), px=duration)
            pipeline.lpush(sessions, sha256)
            pipeline.pexpire(sessions, duration)
            pipeline.lrange(sessions, MAX_SESSIONS, -1)
            pipeline.ltrim(sessions, 0, MAX_SESSIONS - 1)
            *_, oldest, _ = pipeline.execute()
            if oldest:
                client.delete(*map(keys.session, oldest))

    def get_session(self, sha256: bytes) -> Session | None:
        with self._store.client() as client:
            return _decode_session(client.get(keys.session(sha256)))

    def end_session(self, sha256: bytes) -> None:
        with self._store.client() as client:
            session = _decode_session(client.get(keys.session(sha256)))
            pipeline = client.pipeline(transaction=True)
            pipeline.delete(keys.session(sha256))
            if session:
                pipeline.lrem(keys.sessions_of(session.key_id), 1, sha256)
            pipeline.execute()

    def _decoded(self, key_id: str, text: bytes | None) -> AccessKey | None:
        if text is None:
            return None
        try:
            return _decode(key_id, json.loads(text))
        except Exception as error:  # whatever is wrong with one key, it gives no access
            self._skipped_items.log_once("read_key", key_id, error)
            return None


def _encode(key: AccessKey) -> str:
    members = {
        "name": key.name,
        "role": key.role.value,
        "created_at": epoch_milliseconds(key.created_at),
        "secrets": [[secret.sha256.hex(), _time(secret.expires_at)] for secret in key.secrets],
        "queues": list(key.queues),
        "labels": dict(key.labels),
        "expires_at": _time(key.expires_at),
    }
    return json.dumps({name: value for name, value in members.items() if value}, sort_keys=True)


def _decode(key_id: str, members: dict[str, Any]) -> AccessKey:
    """Restore a key without validation, so that stricter rules never lock anybody out."""
    return restore(
        AccessKey,
        {
            "key_id": key_id,
            "name": members["name"],
            "role": Role(members["role"]),
            "created_at": instant(members["created_at"]),
            "secrets": tuple(
                StoredSecret(sha256=bytes.fromhex(digest), expires_at=_instant(until))
                for digest, until in members["secrets"]
            ),
            "queues": tuple(members.get("queues", ())),
            "labels": dict(members.get("labels", {})),
            "expires_at": _instant(members.get("expires_at")),
        },
    )


def _encode_session(session: Session) -> str:
    return f"{session.key_id}:{session.key_sha256.hex()}"


def _decode_session(stored: bytes | None) -> Session | None:
    """Return the session; None when nothing, or nothing readable, is stored."""
    try:
        key_id, digest = (stored or b"").decode().split(":")
        return Session(key_id, bytes.fromhex(digest))
    except ValueError:
        return None


def _time(time: datetime | None) -> int | None:
    return epoch_milliseconds(time) if time else None


def _instant(stored: int | None) -> datetime | None:
    return instant(stored) if stored is not None else None


def _minute(stored: bytes | None) -> datetime | None:
    return instant(int(stored) * MINUTE_MS) if stored and stored.isdigit() else None
