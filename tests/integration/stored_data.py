"""Everything that Redis holds about tasks, in a form that can be compared between two stores."""

from typing import Any

import redis

NOT_COMPARED = (b"tm:minute:", b"tm:counters:", b"tm:series:", b"tm:sequence", b"tm:claims")
NOT_COMPARED += (b"tm:events", b"tm:layout", b"tm:lost:", b"tm:held", b"task-manager.")
NOT_COMPARED += (b"tm:finished", b"tm:delivery-log", b"tm:totals")
"""Statistics, counters, events, wake-ups and the like, which an archive does not have.

tm:finished has entries of tasks that were retried since; its order is that of the import.
"""
PLACE = b"q"


def stored_data(client: redis.Redis) -> dict[bytes, Any]:
    """Return the values by their keys. Places in queues are replaced by their order."""
    names = [key for key in client.scan_iter(count=1_000) if not key.startswith(NOT_COMPARED)]
    return {key: _value(client, key) for key in sorted(names)}


def _value(client: Any, key: bytes) -> Any:
    kind = client.type(key)
    if kind == b"hash":
        return {name: value for name, value in client.hgetall(key).items() if name != PLACE}
    if kind == b"zset":
        entries = client.zrange(key, 0, -1, withscores=True)
        return [name for name, _ in entries] if key.startswith(b"tm:waiting:") else dict(entries)
    if kind == b"list":
        return client.lrange(key, 0, -1)
    if kind == b"set":
        return client.smembers(key)
    return client.get(key) if kind == b"string" else kind
