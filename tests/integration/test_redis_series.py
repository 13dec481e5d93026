"""Statistics over time in Redis keep their contract, and some promises of their own."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
import redis

from adapters.redis import keys
from adapters.redis.counters import MAX_COUNTERS
from adapters.redis.interval_codec import MAX_TEXT_BYTES, decode_interval, encode_interval
from adapters.redis.series import RedisSeries
from adapters.redis.store import RedisStore
from adapters.redis.task_repository import RedisTaskRepository
from application.ports.series import HOUR, MINUTE
from application.series import OTHERS, Count, Counted, Interval
from tests.contracts.series import SeriesContract, numbers, whole
from tests.integration.intervals import an_interval, present_minute
from tests.storing import submit


class TestRedisSeries(SeriesContract):
    @pytest.fixture
    def series(self, redis_store: RedisStore) -> RedisSeries:
        return RedisSeries(redis_store)

    @pytest.fixture
    def let_a_minute_pass(self, client: redis.Redis) -> Callable[[], None]:
        """Move the counters of each minute to the one before, and the end of the totals."""

        def move() -> None:
            present = present_minute(client)
            for minute in (present - 1, present):
                if client.exists(keys.counters(minute)):
                    client.rename(keys.counters(minute), keys.counters(minute - 1))
            if client.hexists(keys.TOTALS, "m"):
                client.hincrby(keys.TOTALS, "m", -1)

        return move

    def test_sixteen_who_sum_up_at_once_count_nothing_twice(
        self,
        repository: RedisTaskRepository,
        redis_store: RedisStore,
        let_a_minute_pass: Callable[[], None],
    ) -> None:
        for _ in range(20):
            submit(repository)
        let_a_minute_pass()

        def sum_up(_: int) -> None:
            series = RedisSeries(redis_store)
            while series.sum_up():
                pass

        with ThreadPoolExecutor(16) as pool:
            list(pool.map(sum_up, range(16)))

        for step in (MINUTE, HOUR):
            found = whole(RedisSeries(redis_store), step, 3)
            assert numbers(found.queues["default"]) == {Counted.SUBMITTED: 20}

    def test_an_hour_is_summed_up_from_its_minutes_and_kept_for_two_weeks(
        self, series: RedisSeries, client: redis.Redis
    ) -> None:
        hour = present_minute(client) // 60 - 1
        interval = Interval()
        interval.add(Count(Counted.FAILED, "default", "sleep", 3, 4), 7)
        interval.sample({"default": 5})
        for minute in (hour * 60, hour * 60 + 59):
            client.set(keys.minute_series(minute), encode_interval(interval), ex=3_600)

        while series.sum_up():
            pass

        found = decode_interval(client.get(keys.hour_series(hour)))
        assert numbers(found.queues["default"]) == {Counted.FAILED: 14}
        assert (found.types["sleep"].wait, found.types["sleep"].run) == ({3: 14}, {4: 14})
        assert found.queues["default"].backlog == 5
        assert 14 * 86_400 <= client.ttl(keys.hour_series(hour)) <= 15 * 86_400

    @pytest.mark.parametrize("number", [1, 40, 500])
    def test_the_sums_of_a_minute_have_a_limit_beyond_which_the_smallest_count_together(
        self, number: int
    ) -> None:
        text = encode_interval(an_interval(number))

        found = decode_interval(text)

        assert len(text) <= MAX_TEXT_BYTES
        for groups in (found.queues, found.types):
            total = sum(counts.of[Counted.COMPLETED] for counts in groups.values())
            assert total == 98 * number * (number + 1) // 2
            if number == 500:
                assert OTHERS in groups
                assert any(name.startswith("499") or name.endswith("499") for name in groups)

    def test_counters_have_a_limit_beyond_which_only_the_event_is_counted(
        self, repository: RedisTaskRepository, series: RedisSeries, client: redis.Redis
    ) -> None:
        minute = present_minute(client)
        for each in (minute, minute + 1):
            many = {f"S{number}\0sleep": 1 for number in range(MAX_COUNTERS)}
            client.hset(keys.counters(each), mapping=many)

        for _ in range(3):
            submit(repository, queue="late")

        found = whole(series, MINUTE, 2)
        assert numbers(found.queues[OTHERS]) == {Counted.SUBMITTED: 3}
        assert "late" not in found.queues
        assert client.memory_usage(keys.counters(minute), samples=0) < 1_000_000

    def test_damaged_data_counts_as_nothing_and_holds_nothing_up(
        self, repository: RedisTaskRepository, series: RedisSeries, client: redis.Redis
    ) -> None:
        minute = present_minute(client)
        for each in (minute, minute + 1):
            damaged = {b"": 1, b"\xff": 1, b"Z\0a": 1, b"Sa\0b\0x\0y": 1, b"Sa\0b\x001": 2}
            client.hset(keys.counters(each), mapping={**damaged, b"Sa\0b": "many"})
        texts = [b"", b"\xff", b"text", encode_interval(Interval())[:-3]]
        for at, text in enumerate(texts, 2):
            client.set(keys.minute_series(minute - at), text)
        client.hset(keys.minute_series(minute - 7), "a", "b")
        client.set(keys.counters(minute - 8), "text")
        client.set(keys.hour_series(minute // 60 - 2), b"\xff")
        submit(repository)

        while series.sum_up():
            pass

        assert numbers(whole(series).queues["default"]) == {Counted.SUBMITTED: 1}
        assert numbers(whole(series, HOUR, 24).queues["default"]) == {Counted.SUBMITTED: 1}

    def test_nothing_is_asked_of_redis_where_no_minute_is_left_to_be_counted(
        self, series: RedisSeries, client: redis.Redis
    ) -> None:
        minute, text = present_minute(client), encode_interval(Interval())
        for each in range(minute - 120, minute + 2):
            client.set(keys.minute_series(each), text)

        assert not series.sum_up()
        assert len(list(series.latest(MINUTE, 60))) == 60
        assert len(list(series.latest(HOUR, 24))) == 24
