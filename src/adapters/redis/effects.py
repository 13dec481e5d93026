"""What a change does to Redis, as the arguments of save.lua."""

from collections.abc import Iterable
from itertools import chain
from typing import Any

ANY, HASH, SORTED_SET, LIST, SET, STREAM = "-", "h", "z", "l", "s", "x"
TYPES = {
    **dict.fromkeys(("set", "stamp", "unset", "add", "append"), HASH),
    "create": ANY,  # its guard has seen that it is not there
    **dict.fromkeys(("index", "index_all", "unindex", "enqueue"), SORTED_SET),
    **dict.fromkeys(("push", "push_dated", "log", "wake_up", "drop"), LIST),
    **dict.fromkeys(("keep", "remember", "delete", "count", "extend", "copy"), ANY),
    **dict.fromkeys(("member", "rest", "forget"), SET),
    "event": STREAM,
    "claim": SORTED_SET,
}
"""What the first key of a write must be, if it is there."""
GUARDS = {
    **dict.fromkeys(("version", "expired", "run", "placed", "front", "absent", "room"), True),
    **dict.fromkeys(("open", "new"), False),
}
"""Whether a guard reads its key, so that it is known to be of the right type before anything is written."""


class Effects:
    """Collects effects; `keys` and `arguments` are what the script takes. The effects are described there."""

    def __init__(self) -> None:
        self._places: dict[bytes, int] = {}
        self._types: dict[bytes, str] = {}
        self._guards: list[Any] = []
        self._writes: list[Any] = []

    @property
    def keys(self) -> list[bytes]:
        return list(self._places)

    @property
    def arguments(self) -> list[Any]:
        types = "".join([self._types.get(key, ANY) for key in self._places])
        return [types, len(self._guards), *self._guards, *self._writes]

    def guard(self, guard: str, key: bytes, *arguments: Any) -> None:
        """All are looked at before anything is written. Raises KeyError for a guard that there is not."""
        if GUARDS[guard]:
            self._types[key] = ANY
        self._guards += (guard, len(arguments) + 1, self.key(key), *arguments)

    def add(self, write: str, key: bytes, *arguments: Any) -> None:
        """Arguments that name keys come from `key`. Raises KeyError for a write that there is not."""
        place = self._places.setdefault(key, len(self._places) + 1)
        if (type := TYPES[write]) is not ANY:
            self._types.setdefault(key, type)
        self._writes += (write, len(arguments) + 1, place, *arguments)

    def key(self, name: bytes) -> int:
        """The place of that key among all of them."""
        return self._places.setdefault(name, len(self._places) + 1)

    def keys_of(self, types: dict[bytes, str]) -> list[int]:
        """The places of those keys, each of which must be of its type."""
        places = self._places
        self._types = types | self._types
        return [places.setdefault(name, len(places) + 1) for name in types]

    def set(self, key: bytes, fields: dict[bytes, bytes]) -> None:
        if fields:
            self.add("set", key, *chain.from_iterable(fields.items()))

    def unset(self, key: bytes, fields: Iterable[bytes | str]) -> None:
        names = list(fields)
        if names:
            self.add("unset", key, *names)
