"""The units that callers have used, in Redis: one small hash for each caller; see count_units."""

from collections.abc import Sequence
from datetime import timedelta

from adapters.redis import keys
from adapters.redis.effects import Effects
from adapters.redis.save_script import SaveReply
from adapters.redis.store import RedisStore
from application.ports.rate_limits import Charge, RateLimitExceeded, RateLimits, Usage

MILLISECOND = timedelta(milliseconds=1)


class RedisRateLimits(RateLimits):
    def __init__(self, store: RedisStore) -> None:
        self._store = store
        self._count = store.script("count")

    def count(self, charge: Charge, units: int = 1) -> None:
        call = self._count.call([_key(charge)], _arguments(charge, units))
        # Not confirmed by replicas: a failover may forgive some units.
        [reply] = self._store.pipeline_scripts([call])
        _settle(charge, reply)


def require_units(effects: Effects, charge: Charge, units: int) -> None:
    """Count the units together with the effects, or refuse both."""
    effects.require_units(_key(charge), *_arguments(charge, units))


def settle_saved(charge: Charge, reply: SaveReply) -> None:
    """Set `charge.usage` by the reply to effects that count. Raises RateLimitExceeded.

    A reply of another guard that refused says nothing: nothing was counted.
    """
    if reply.saved:
        _settle(charge, reply.counted)
    elif reply.refused_by == "require_units":
        _settle(charge, reply.detail)


def _settle(charge: Charge, reply: Sequence[int]) -> None:
    is_counted, remaining, regains_ms, wait_ms = reply
    charge.usage = Usage(remaining=max(0, remaining), regains_in=regains_ms * MILLISECOND)
    if not is_counted:
        raise RateLimitExceeded(charge.limit, wait_ms * MILLISECOND)


def _key(charge: Charge) -> bytes:
    return keys.used_units(charge.caller, charge.limit.unit_of_time)


def _arguments(charge: Charge, units: int) -> tuple[int, int, int]:
    return units, charge.limit.units, charge.limit.window // MILLISECOND
