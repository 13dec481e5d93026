"""What a change does to Redis, as the arguments of save.lua."""

from collections.abc import Iterable
from typing import Any


class Effects:
    """Collects effects; `keys` and `arguments` are what the script takes. The effects are described there."""

    def __init__(self) -> None:
        self._indexes: dict[bytes, int] = {}
        self.arguments: list[Any] = []

    @property
    def keys(self) -> list[bytes]:
        return list(self._indexes)

    def add(self, effect: str, key: bytes, *arguments: Any) -> None:
        """An argument that is a Key names a key, too."""
        values = [self._index(value.name) if isinstance(value, Key) else value for value in arguments]
        self.arguments += [effect, len(values) + 1, self._index(key), *values]

    def set(self, key: bytes, fields: dict[bytes, bytes]) -> None:
        if fields:
            self.add("set", key, *(part for pair in fields.items() for part in pair))

    def unset(self, key: bytes, fields: Iterable[bytes | str]) -> None:
        names = list(fields)
        if names:
            self.add("unset", key, *names)

    def _index(self, key: bytes) -> int:
        return self._indexes.setdefault(key, len(self._indexes) + 1)


class Key:
    """Marks an argument of an effect as the name of a key."""

    def __init__(self, name: bytes) -> None:
        self.name = name
