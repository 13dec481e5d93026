"""What a change does to Redis, as the arguments of save.lua."""

from collections.abc import Iterable
from itertools import chain
from typing import Any

GUARDS = frozenset({"version", "expired", "run", "placed", "open", "absent"})
ANY, HASH, SORTED_SET, LIST, SET, STREAM = "-", "h", "z", "l", "s", "x"
TYPES = {
    **dict.fromkeys(("set", "stamp", "unset", "add", "append"), HASH),
    **dict.fromkeys(("index", "unindex", "enqueue"), SORTED_SET),
    **dict.fromkeys(("push", "push_dated", "log", "tokens"), LIST),
    **dict.fromkeys(("keep", "remember", "delete", "count", "extend", "copy"), ANY),
    "member": SET,
    "event": STREAM,
    "claim": SORTED_SET,
}
"""What the first key of a write must be, if it is there. A guard finds that out by itself: it reads the key."""


class Effects:
    """Collects effects; `keys` and `arguments` are what the script takes. The effects are described there."""

    def __init__(self) -> None:
        self._places: dict[bytes, int] = {}
        self._types: dict[int, str] = {}
        self._guards: list[Any] = []
        self._writes: list[Any] = []

    @property
    def keys(self) -> list[bytes]:
        return list(self._places)

    @property
    def arguments(self) -> list[Any]:
        types = "".join([self._types.get(place, ANY) for place in self._places.values()])
        return [types, len(self._guards), *self._guards, *self._writes]

    def add(self, effect: str, key: bytes, *arguments: Any) -> None:
        """Arguments that name keys come from `key`. Raises KeyError for an effect that there is not."""
        place = self._places.setdefault(key, len(self._places) + 1)
        if effect in GUARDS:
            self._guards += (effect, len(arguments) + 1, place, *arguments)
            self._types[place] = ANY
        else:
            self._writes += (effect, len(arguments) + 1, place, *arguments)
            if (type := TYPES[effect]) is not ANY:
                self._types.setdefault(place, type)

    def key(self, name: bytes, type: str = ANY) -> int:
        """The place of that key among all of them, which must be of that type."""
        place = self._places.setdefault(name, len(self._places) + 1)
        if type is not ANY:
            self._types.setdefault(place, type)
        return place

    def set(self, key: bytes, fields: dict[bytes, bytes]) -> None:
        if fields:
            self.add("set", key, *chain.from_iterable(fields.items()))

    def unset(self, key: bytes, fields: Iterable[bytes | str]) -> None:
        names = list(fields)
        if names:
            self.add("unset", key, *names)
