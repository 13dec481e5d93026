"""The effects of one change on Redis, collected as the arguments of save.lua.

Each method adds one guard or one write, whose word in save.lua is the name of the method. All
guards are checked before anything is written.
"""

from collections.abc import Iterable, Mapping, Sequence
from itertools import chain
from typing import Any

ANY, HASH, SORTED_SET, LIST, SET, STREAM = "-", "h", "z", "l", "s", "x"
"""Types of keys, as save.lua names them."""


class Effects:
    """Collects effects. `keys` and `arguments` are what save.lua takes."""

    def __init__(self) -> None:
        self._places: dict[bytes, int] = {}
        self._types: dict[bytes, str] = {}
        self._guards: list[Any] = []
        self._writes: list[Any] = []
        self.needs_memory = False
        """True if Redis must refuse the effects when it has no memory left."""

    @property
    def keys(self) -> list[bytes]:
        return list(self._places)

    @property
    def arguments(self) -> list[Any]:
        types = "".join([self._types.get(key, ANY) for key in self._places])
        return [types, len(self._guards), *self._guards, *self._writes]

    # Guards

    def require_version(self, record: bytes, version: int | None) -> None:
        """Require this stored version; None requires that the record does not exist."""
        self._guard("require_version", record, "" if version is None else version)

    def require_passed(self, index: bytes, member: bytes) -> None:
        """Require that the time of the member in the index has passed, or that it is not there."""
        self._guard("require_passed", index, member)

    def require_run(self, record: bytes, fencing_token: int) -> None:
        """Require that the task is running under this fencing token."""
        self._guard("require_run", record, fencing_token)

    def require_score(self, index: bytes, member: bytes, score: float) -> None:
        self._guard("require_score", index, member, score)

    def require_member(self, index: bytes, member: bytes) -> None:
        self._guard("require_member", index, member)

    def require_near_front(self, list_key: bytes, value: bytes) -> None:
        """Require that the value is among the first 1,000 of the list."""
        self._guard("require_near_front", list_key, value)

    def require_absent(self, key: bytes) -> None:
        self._guard("require_absent", key, reads=False)

    def require_no_value(self, key: bytes) -> None:
        """Require that the string does not exist. A refusal carries its value."""
        self._guard("require_no_value", key)

    def require_room(self, set_key: bytes, limit: int, members: Iterable[str]) -> None:
        """Require that the set has room for those members that it lacks. A refusal carries them."""
        self._guard("require_room", set_key, limit, *members)

    def require_units(self, key: bytes, units: int, limit: int, window_ms: int) -> None:
        """Require that a caller has the units left, and count them. The last of all guards.

        A refusal carries the reply of count_units, and so does the reply to what was saved.
        """
        self._guard("require_units", key, units, limit, window_ms, reads=False)

    # Writes

    def create_records(
        self,
        records: Sequence[bytes],
        *,
        waiting: bytes,
        sequence: bytes,
        base: int | None,
        stream: bytes,
        stream_length: int,
        event: str,
        status: str,
        version: int,
        actor: bytes,
        fields: Iterable[tuple[bytes, Mapping[bytes, bytes]]],
    ) -> None:
        """Create records of new tasks that have one status, version and actor, and an event of
        each.

        The tasks take the next places among the waiting ones, unless the base of their priority is
        None. `fields` yields the id of each task and its other fields. No record may exist yet.
        """
        self.places_of(dict.fromkeys(records, ANY))
        self._guard("require_all_absent", records[0], len(records), reads=False)
        places = self.places_of({waiting: SORTED_SET, sequence: ANY, stream: STREAM})
        arguments: list[Any] = [*places[:2], "" if base is None else base]
        arguments += (places[2], stream_length, event, status, version, actor)
        for raw, others in fields:
            arguments += (raw, 2 * len(others), *chain.from_iterable(others.items()))
        self._write("create_records", ANY, records[0], len(records), *arguments)

    def set_fields(self, key: bytes, fields: Mapping[bytes, bytes]) -> None:
        if fields:
            self._write("set_fields", HASH, key, *chain.from_iterable(fields.items()))

    def set_time(
        self, key: bytes, name: bytes, others: Mapping[bytes, bytes] | None = None
    ) -> None:
        """Set a field to the present time, and the others to their values."""
        pairs = chain.from_iterable(others.items()) if others else ()
        self._write("set_time", HASH, key, name, *pairs)

    def unset_fields(self, key: bytes, fields: Iterable[bytes | str]) -> None:
        names = list(fields)
        if names:
            self._write("unset_fields", HASH, key, *names)

    def add_to_field(self, key: bytes, name: str, number: int) -> None:
        """Add to a counter. It goes when it comes to nothing, or is damaged."""
        self._write("add_to_field", HASH, key, name, number)

    def append_delivery(
        self,
        key: bytes,
        lifetime_ms: int,
        value: str,
        *,
        stream: bytes,
        length: int,
        member: bytes,
        host: str,
    ) -> None:
        """Append a field with the next number; the last 1,000 are kept, all for `lifetime_ms`.

        Append the same to the stream, with the task and the host; nothing where it is no stream.
        """
        arguments = lifetime_ms, value, self.place_of(stream), length, member, host
        self._write("append_delivery", HASH, key, *arguments)

    def set_dated(self, key: bytes, value: bytes) -> None:
        """Set a string to the value and the present time in 13 digits behind it."""
        self._write("set_dated", ANY, key, value)

    def set_for(self, key: bytes, value: bytes | int, lifetime_ms: int) -> None:
        self._write("set_for", ANY, key, value, lifetime_ms)

    def set_value(self, key: bytes, value: bytes) -> None:
        self._write("set_value", ANY, key, value)

    def raise_counter(self, key: bytes, number: int) -> None:
        """Set a counter to the number, unless it is at least that."""
        self._write("raise_counter", ANY, key, number)

    def expire_in(self, key: bytes, lifetime_ms: int) -> None:
        self._write("expire_in", ANY, key, lifetime_ms)

    def delete(self, key: bytes) -> None:
        self._write("delete", ANY, key)

    def add_to_index(self, index: bytes, member: bytes | str, score: float | None = None) -> None:
        """Add to a sorted set, by the present time unless a score is given."""
        self._write("add_to_index", SORTED_SET, index, member, *(() if score is None else (score,)))

    def add_all_to_index(self, index: bytes, members: Iterable[bytes]) -> None:
        """Add to a sorted set, all by the present time."""
        self._write("add_all_to_index", SORTED_SET, index, *members)

    def remove_from_index(self, index: bytes, member: bytes) -> None:
        self._write("remove_from_index", SORTED_SET, index, member)

    def enqueue(
        self, waiting: bytes, record: bytes, sequence: bytes, member: bytes, base: int, step: int
    ) -> None:
        """Put a task into its queue with score = base of its priority + its sequence number.

        A task gets its sequence number when it first waits, and has the same one ever after.

        `step` is the distance between the bases of two priorities.
        """
        places = (self.place_of(record), self.place_of(sequence))
        self._write("enqueue", SORTED_SET, waiting, *places, member, base, step)

    def add_to_set(self, set_key: bytes, member: str) -> None:
        self._write("add_to_set", SET, set_key, member)

    def remove_from_set(self, set_key: bytes, member: str) -> None:
        self._write("remove_from_set", SET, set_key, member)

    def remove_if_empty(self, set_key: bytes, index: bytes, member: str) -> None:
        """Remove the member of a set if this index, which belongs to it, is empty."""
        self._write("remove_if_empty", SET, set_key, self.place_of(index), member)

    def forget_queue(
        self, queues: bytes, index: bytes, paused: bytes, wake_ups: bytes, queue: str
    ) -> None:
        """Remove a queue and its wake-ups if its index is empty and it is not paused."""
        places = map(self.place_of, (index, paused, wake_ups))
        self._write("forget_queue", SET, queues, *places, queue)

    def push(self, list_key: bytes, value: bytes | str) -> None:
        self._write("push", LIST, list_key, value)

    def push_dated(self, list_key: bytes, value: bytes) -> None:
        """Push the value and the present time in 13 digits behind it."""
        self._write("push_dated", LIST, list_key, value)

    def append_dated(self, list_key: bytes, length: int, value: bytes) -> None:
        """Push the value and the present time in 13 digits behind it; keep the last `length`.

        A key of another type is left as it is, and fails nothing.
        """
        self._write("append_dated", ANY, list_key, length, value)

    def remove_from_list(self, list_key: bytes, value: bytes) -> None:
        """Remove the first of these values."""
        self._write("remove_from_list", LIST, list_key, value)

    def append_log(
        self, log: bytes, record: bytes, max_lines: int, max_bytes: int, lines: Iterable[bytes]
    ) -> None:
        """Append lines with the present time; the oldest beyond a limit go."""
        place = self.place_of(record)
        self._write("append_log", LIST, log, place, max_lines, max_bytes, *lines)

    def append_event(
        self,
        stream: bytes,
        record: bytes,
        length: int,
        event: str,
        member: bytes | str,
        actor: bytes = b"",
    ) -> None:
        """Append an event with the record as the writes before have left it.

        `actor` is who made the change; empty if the record tells it.
        """
        arguments = self.place_of(record), length, event, member, actor
        self._write("append_event", STREAM, stream, *arguments)

    def append_entry(self, stream: bytes, length: int, fields: Mapping[bytes, bytes]) -> None:
        """Append an event that is none of a stored record."""
        self._write("append_entry", STREAM, stream, length, *chain.from_iterable(fields.items()))

    def copy_record(self, key: bytes, record: bytes, lifetime_ms: int) -> None:
        """Copy the record as the writes before have left it, without its secrets."""
        self._write("copy_record", ANY, key, self.place_of(record), lifetime_ms)

    def count_in_minute(
        self, prefix: bytes, name: str, number: int = 1, *, seconds: int, limit: int
    ) -> None:
        """Add to a counter of the present minute. The counters are kept for so many seconds.

        A counter that is one more than `limit` counts under the first letter of its name.
        """
        self._write("count_in_minute", ANY, prefix, name, number, seconds, limit)

    def count(self, key: bytes, name: str) -> None:
        """Add 1 to a counter of statistics. Damage to it fails nothing."""
        self._write("count", ANY, key, name)

    def top_up_wake_ups(
        self,
        wake_ups: bytes,
        waiting: bytes,
        sequence: bytes,
        paused: bytes,
        queue: str,
        *,
        bound: int,
        template: bytes,
    ) -> None:
        """Put the wake-ups that the queue lacks, at most `bound`, unless it is paused."""
        places = map(self.place_of, (waiting, sequence, paused))
        self._write("top_up_wake_ups", LIST, wake_ups, *places, queue, bound, template)

    def claim(self, waiting: bytes, keys: dict[bytes, str], *arguments: Any) -> None:
        """Start the first task of a queue; claim.lua lists the keys and arguments."""
        self._write("claim", SORTED_SET, waiting, *self.places_of(keys), *arguments)

    # Keys

    def place_of(self, key: bytes) -> int:
        """Return the place of the key among all keys; the first is 1."""
        return self._places.setdefault(key, len(self._places) + 1)

    def places_of(self, types: dict[bytes, str]) -> list[int]:
        """Return the places of the keys, and require that each has its type."""
        places = self._places
        self._types = types | self._types
        return [places.setdefault(key, len(places) + 1) for key in types]

    def _guard(self, word: str, key: bytes, *arguments: Any, reads: bool = True) -> None:
        """Add a guard. With `reads` it reads the key: a wrong type then fails before any write."""
        if reads:
            self._types[key] = ANY
        self._guards += (word, len(arguments) + 1, self.place_of(key), *arguments)

    def _write(self, word: str, type: str, key: bytes, *arguments: Any) -> None:
        place = self._places.setdefault(key, len(self._places) + 1)
        if type is not ANY:
            self._types.setdefault(key, type)
        self._writes += (word, len(arguments) + 1, place, *arguments)
