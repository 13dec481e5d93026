"""The totals: a hash with their text, its version, the last minute in it, and single counters.

The text has 200 queues and 200 types at most, which take 0.3 MB.

Maintenance adds the counters of each minute that is over, in the same step that deletes them. So
what was counted is in one of both, and a script reads both at one moment.
"""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from adapters.redis import keys
from adapters.redis.counters import UNSUMMED_SECONDS
from adapters.redis.effects import Effects
from adapters.redis.interval_codec import decode_totals, encode_totals
from adapters.redis.store import RedisStore
from application.skipped_items import SkippedItems
from application.task_totals import TaskTotals

VERSION, MINUTE, TEXT = b"v", b"m", b"t"
MINUTES_AT_ONCE = 20
LATE_MINUTES = 10
"""Minutes ago with which the first totals begin, and after which a minute is late."""


class StoredTotals(NamedTuple):
    version: int | None
    """None where nothing is stored yet."""
    totals: TaskTotals
    present: int
    """The present minute since 1970."""
    first: int
    """The first minute that the totals do not include."""
    is_ahead: bool
    """The totals include minutes of the future: the clock has stepped back."""
    minutes: Sequence[tuple[Any, Any]]
    """The counters of each minute from `first` on, as a dictionary, and the text of its sums. At
    most MINUTES_AT_ONCE minutes; the present one is the last."""


class RedisTotals:
    def __init__(self, store: RedisStore, let_others_run: Callable[[], None]) -> None:
        """`let_others_run` is called between sums, for a process that serves other requests."""
        self._store = store
        self._let_others_run = let_others_run
        self._read = store.script("totals", writes=False)
        self._skipped_items = SkippedItems()

    def read(self) -> StoredTotals:
        """Read the totals and what is to be added to them. Raises StoreUnavailable."""
        names = [keys.TOTALS, keys.MINUTE_SERIES_PREFIX, keys.COUNTERS_PREFIX]
        reply = self._read(names, [MINUTES_AT_ONCE, LATE_MINUTES, UNSUMMED_SECONDS // 60])
        present, version, last, text, first, *minutes = reply
        number = self._number(version)
        return StoredTotals(
            version=number,
            totals=TaskTotals() if number is None else self._decoded(text),
            present=present,
            first=first,
            is_ahead=number is not None and last is not None and first <= _minute(last),
            minutes=[(_as_mapping(counters), sums) for counters, sums in minutes],
        )

    def save(self, effects: Effects, stored: StoredTotals, last: int) -> None:
        """Add the effects of storing the totals, which include the minutes up to `last`.

        All effects are refused when others have stored totals since.
        """
        effects.require_version(keys.TOTALS, stored.version)
        fields = {
            VERSION: b"%d" % ((stored.version or 0) + 1),
            MINUTE: b"%d" % last,
            TEXT: encode_totals(stored.totals),
        }
        effects.set_fields(keys.TOTALS, fields)

    def _number(self, version: Any) -> int | None:
        """Return the version. Totals with a damaged one begin again, which monitoring can tell."""
        if version is None:
            return None
        try:
            return int(version)
        except Exception as error:  # whatever is wrong with it
            self._skipped_items.log_once("read_totals", "the hash", error)
            with self._store.client() as client:
                client.delete(keys.TOTALS)
            return None

    def _decoded(self, text: Any) -> TaskTotals:
        try:
            return decode_totals(text, self._let_others_run)
        except Exception as error:  # whatever is wrong with it, the totals begin again
            self._skipped_items.log_once("read_totals", "the text", error)
            return TaskTotals()


def _minute(last: bytes) -> int:
    """Return a minute; -1 for a damaged one, instead of which the script reads the latest ones."""
    return int(last) if last.isdigit() else -1


def _as_mapping(reply: Any) -> Any:
    """Return the fields that a script has read; an error stays one."""
    if isinstance(reply, Exception):
        return reply
    return dict(zip(reply[::2], reply[1::2], strict=True))
