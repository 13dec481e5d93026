"""Units of callers in Redis keep their contract, and never exceed a limit in any window."""

from collections.abc import Iterator
from importlib import resources

import pytest
import redis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from adapters.redis import keys
from adapters.redis.rate_limits import RedisRateLimits
from adapters.redis.store import RedisStore
from application.ports.rate_limits import RateLimitExceeded
from tests.contracts.rate_limits import RateLimitsContract, a_charge, left

LIMIT, NOW = 5, 1_800_000_000_123
KEY = keys.used_units("key:ada", "hour")
WINDOWS = st.sampled_from([1_000, 60_000])
STEPS = st.lists(st.tuples(st.floats(0, 0.5), st.integers(1, LIMIT)), min_size=1, max_size=40)
"""Pauses as parts of a window, and the units that are wanted after each."""
FEW_EXAMPLES = settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60
)
Reply = tuple[bool, int, int, int]
"""Whether the units were counted, the units left, and the two waits in ms."""


class TestRedisRateLimits(RateLimitsContract):
    @pytest.fixture
    def rate_limits(self, redis_store: RedisStore) -> RedisRateLimits:
        return RedisRateLimits(redis_store)

    @pytest.mark.parametrize("damage", ["type", "field", "value"])
    def test_damaged_units_are_forgotten(
        self, rate_limits: RedisRateLimits, client: redis.Redis, damage: str
    ) -> None:
        rate_limits.count(a_charge())
        if damage == "type":
            client.delete(KEY)
            client.set(KEY, "x")
        else:
            [part] = client.hkeys(KEY)
            client.hset(KEY, *{"field": (b"x", b"2"), "value": (part, b"x")}[damage])

        assert left(rate_limits, a_charge()) == (1 if damage == "field" else 2)

    def test_units_of_a_clock_that_was_ahead_are_forgotten(
        self, rate_limits: RedisRateLimits, client: redis.Redis
    ) -> None:
        rate_limits.count(a_charge(), 3)
        [part] = client.hkeys(KEY)
        client.delete(KEY)
        client.hset(KEY, str(int(part) + 120), "3")

        assert left(rate_limits, a_charge()) == 2
        assert client.hlen(KEY) == 1

    def test_what_is_stored_goes_when_the_window_has_passed(
        self, rate_limits: RedisRateLimits, client: redis.Redis
    ) -> None:
        rate_limits.count(a_charge())

        assert 3_590_000 < client.pttl(KEY) <= 3_720_000

    def test_a_caller_takes_little_memory_whatever_its_limit(
        self, rate_limits: RedisRateLimits, client: redis.Redis
    ) -> None:
        rate_limits.count(a_charge(units=999_999_999))
        [part] = client.hkeys(KEY)
        client.hset(KEY, mapping={str(int(part) - back): 99_999 for back in range(1, 61)})

        assert left(rate_limits, a_charge(units=999_999_999)) > 0
        assert client.memory_usage(KEY) < 2_048


class Counting:
    """Counts units by the function of the scripts, at times that the test chooses."""

    def __init__(self, client: redis.Redis) -> None:
        self._client = client
        shared = resources.files("adapters.redis").joinpath("scripts", "shared.lua").read_text()
        self._script = self._client.register_script(
            f"{shared}\nreturn count_units(KEYS[1], ARGV[1] + 0, {LIMIT}, ARGV[2] + 0, ARGV[3] + 0)"
        )

    def forget(self) -> None:
        self._client.delete("units")

    def count(self, units: int, window: int, now: int) -> Reply:
        counted, *others = self._script(keys=["units"], args=[units, window, now])
        return bool(counted), *others


@pytest.fixture(scope="module")
def counting(redis_server_url: str) -> Iterator[Counting]:
    with redis.Redis.from_url(redis_server_url) as client:
        yield Counting(client)


@FEW_EXAMPLES
@given(steps=STEPS, window=WINDOWS)
def test_no_window_has_more_than_the_limit_and_nothing_below_it_is_refused(
    counting: Counting, steps: list[tuple[float, int]], window: int
) -> None:
    counting.forget()
    used: list[tuple[int, int]] = []
    now = NOW

    def within(span: int) -> int:
        return sum(units for time, units in used if time > now - span)

    for pause, units in steps:
        now += int(pause * window)
        is_counted, remaining, regains, wait = counting.count(units, window, now)
        if is_counted:
            used.append((now, units))
            assert within(window) <= LIMIT
        else:
            assert within(window + window // 60 + 1) + units > LIMIT
            assert 0 < wait <= window + window // 60 + 1
        present = now * 60 // window
        counted = [units for time, units in used if time * 60 // window >= present - 60]
        assert remaining == LIMIT - sum(counted)
        assert regains <= window + window // 60 + 1


@FEW_EXAMPLES
@given(steps=STEPS, window=WINDOWS)
def test_a_refused_caller_is_told_the_first_moment_at_which_it_is_not(
    counting: Counting, steps: list[tuple[float, int]], window: int
) -> None:
    counting.forget()
    now = NOW
    for pause, units in steps:
        now += int(pause * window)
        is_counted, _, _, wait = counting.count(units, window, now)
        if is_counted:
            assert wait == 0
            continue
        assert not counting.count(units, window, now + wait - 1)[0]
        now += wait
        assert counting.count(units, window, now)[0]


@pytest.mark.parametrize("unit_of_time", ["minute", "hour", "day"])
def test_the_whole_limit_can_be_used_at_once(redis_store: RedisStore, unit_of_time: str) -> None:
    rate_limits = RedisRateLimits(redis_store)
    charge = a_charge(units=1_000_000, unit_of_time=unit_of_time)
    rate_limits.count(charge, 1_000_000)

    with pytest.raises(RateLimitExceeded) as refusal:
        rate_limits.count(charge)

    assert charge.usage
    assert refusal.value.wait == charge.usage.regains_in
    assert charge.limit.window * 0.5 < refusal.value.wait <= charge.limit.window * 62 / 60
