"""Keep values of a bounded size in all."""

from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class BoundedCache(Generic[K, V]):
    """Keeps values, each with a size that the caller knows. The one kept first goes first.

    A read does not change the order, so that it costs no more than that of a dictionary.
    """

    def __init__(
        self, max_bytes: int, *, max_value_bytes: int | None = None, max_values: int | None = None
    ) -> None:
        """`max_value_bytes` limits the size of one value; by default only `max_bytes` does."""
        self._max_bytes = max_bytes
        self._max_value_bytes = min(max_bytes, max_value_bytes or max_bytes)
        self._max_values = max_values
        self._values: OrderedDict[K, V] = OrderedDict()
        self._sizes: dict[K, int] = {}
        self._bytes = 0
        self.get: Callable[[K], V | None] = self._values.get
        """Returns the value; None when it is not kept."""

    def __contains__(self, key: K) -> bool:
        return key in self._values

    def put(self, key: K, value: V, size: int) -> None:
        """Keep a value in place of the one with the same key, unless it is too large."""
        self.discard(key)
        if size > self._max_value_bytes:
            return
        self._values[key], self._sizes[key] = value, size
        self._bytes += size
        while self._bytes > self._max_bytes or self._has_too_many():
            self.discard(next(iter(self._values)))

    def discard(self, key: K) -> None:
        """Forget the value, if there is one."""
        if self._values.pop(key, None) is not None:
            self._bytes -= self._sizes.pop(key)

    def _has_too_many(self) -> bool:
        return self._max_values is not None and len(self._values) > self._max_values
