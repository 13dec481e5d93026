"""Totals in Redis lose and double nothing, whoever was away."""

from concurrent.futures import ThreadPoolExecutor

import pytest
import redis

from adapters.redis import keys
from adapters.redis.effects import Effects
from adapters.redis.interval_codec import decode_totals, encode_interval, encode_totals
from adapters.redis.save_script import SaveScript
from adapters.redis.series import RedisSeries
from adapters.redis.statistics import RedisStatistics
from adapters.redis.store import RedisStore
from adapters.redis.task_leases import RedisTaskLeases
from adapters.redis.task_repository import RedisTaskRepository
from adapters.redis.totals import RedisTotals
from application.ports.statistics import Occurrence
from application.ports.task_repository import Change
from application.series import Count, Counted, Interval
from application.task_totals import MAX_NAMES, TaskTotals
from tests.integration.intervals import an_interval, present_minute
from tests.storing import claim, submit


def submitted(series: RedisSeries) -> int:
    totals = series.totals().queues
    return sum(total.of[Counted.SUBMITTED] for total in totals.values())


class TestTotals:
    @pytest.fixture
    def series(self, redis_store: RedisStore) -> RedisSeries:
        return RedisSeries(redis_store)

    def test_sixteen_who_read_while_sixteen_sum_up_see_totals_that_never_fall(
        self, redis_store: RedisStore, client: redis.Redis
    ) -> None:
        minute = present_minute(client)
        for each in range(minute - 9, minute + 1):
            client.hset(keys.counters(each), "Sdefault\0sleep", 1)

        def read(_: int) -> list[int]:
            series, seen = RedisSeries(redis_store), []
            for _ in range(20):
                seen.append(submitted(series))
                series.sum_up()
            return seen

        with ThreadPoolExecutor(16) as pool:
            readings = list(pool.map(read, range(16)))

        assert {number for seen in readings for number in seen} == {10}

    def test_minutes_of_which_nobody_took_notice_are_added_later(
        self, series: RedisSeries, repository: RedisTaskRepository, client: redis.Redis
    ) -> None:
        submit(repository)
        assert submitted(series) == 1
        minute = present_minute(client)
        client.hset(keys.TOTALS, "m", minute - 7 * 24 * 60)
        for each in (minute - 7 * 24 * 60 + 1, minute - 300, minute - 11):
            client.hset(keys.counters(each), "Sdefault\0sleep", 10)

        seen = [submitted(series)]
        while series.sum_up():
            seen.append(submitted(series))

        assert submitted(series) == 31
        assert seen == sorted(seen)
        assert not client.exists(keys.minute_series(minute - 11), keys.counters(minute - 300))

    def test_totals_that_were_read_before_others_summed_up_are_not_stored(
        self, series: RedisSeries, redis_store: RedisStore, repository: RedisTaskRepository
    ) -> None:
        submit(repository)
        totals = RedisTotals(redis_store, lambda: None)
        stored, effects = totals.read(), Effects()
        series.sum_up()

        totals.save(effects, stored, stored.first)

        assert SaveScript(redis_store).run(effects).refused_by == "require_version"

    def test_totals_that_ended_before_all_counters_that_are_kept_go_on_with_the_oldest(
        self, series: RedisSeries, repository: RedisTaskRepository, client: redis.Redis
    ) -> None:
        submit(repository)
        series.totals()
        client.hset(keys.TOTALS, "m", -1)

        steps = 0
        while series.sum_up():
            steps += 1

        assert steps < 600
        assert submitted(series) == 1

    def test_counters_are_kept_for_more_than_a_week_without_maintenance(
        self, repository: RedisTaskRepository, client: redis.Redis
    ) -> None:
        submit(repository)

        [counters] = client.keys(keys.COUNTERS_PREFIX + b"*")
        assert client.ttl(counters) > 7 * 86_400

    def test_reading_starts_totals_so_that_late_maintenance_finds_their_beginning(
        self, series: RedisSeries, repository: RedisTaskRepository, client: redis.Redis
    ) -> None:
        submit(repository)
        series.totals()

        assert client.hget(keys.TOTALS, "v") == b"1"

    def test_what_an_older_version_has_summed_up_is_added(
        self, series: RedisSeries, client: redis.Redis
    ) -> None:
        interval = Interval()
        interval.add(Count(Counted.SUBMITTED, "default", "sleep"), 4)
        for back in (1, 2):
            minute = present_minute(client) - back
            client.set(keys.minute_series(minute), encode_interval(interval), ex=3_600)

        while series.sum_up():
            pass

        assert submitted(series) == 8

    def test_a_clock_that_steps_back_loses_and_doubles_nothing(
        self, series: RedisSeries, repository: RedisTaskRepository, client: redis.Redis
    ) -> None:
        submit(repository)
        series.sum_up()
        client.hset(keys.TOTALS, "m", present_minute(client) + 1_000)
        submit(repository)

        assert submitted(series) == 2
        assert not series.sum_up()
        assert int(client.hget(keys.TOTALS, "m")) < present_minute(client) + 1
        assert submitted(series) == 2

    @pytest.mark.parametrize(
        "damage",
        [{"v": "x"}, {"t": b"\xff"}, {"m": "x"}, {"m": "1e300"}, {"v": ""}, None],
        ids=str,
    )
    def test_damaged_totals_begin_again_and_hold_nothing_up(
        self,
        series: RedisSeries,
        repository: RedisTaskRepository,
        client: redis.Redis,
        damage: dict[str, str] | None,
    ) -> None:
        submit(repository)
        series.totals()
        if damage is None:
            client.delete(keys.TOTALS)
            client.set(keys.TOTALS, "text")
        else:
            client.hset(keys.TOTALS, mapping=damage)

        assert submitted(series) == 1
        submit(repository)
        while series.sum_up():
            pass
        assert submitted(series) == 2

    @pytest.mark.parametrize("is_list", [True, False])
    def test_a_damaged_counter_holds_up_no_recovery(
        self,
        repository: RedisTaskRepository,
        leases: RedisTaskLeases,
        redis_store: RedisStore,
        client: redis.Redis,
        is_list: bool,
    ) -> None:
        if is_list:
            client.rpush(keys.TOTALS, "text")
        else:
            client.hset(keys.TOTALS, "run_lost", "many")
        statistics = RedisStatistics(redis_store)
        assert statistics.occurrences()[Occurrence.RUN_LOST] == 0
        submit(repository)
        for _ in range(2):
            run = claim(leases)
            saved = repository.save(Change(before=run, after=run.lose(run.started_at)))
            assert saved.crashes

        assert statistics.occurrences()[Occurrence.RUN_LOST] == (0 if is_list else 1)

    def test_the_largest_totals_are_read_back_as_they_were(self) -> None:
        totals = TaskTotals()
        totals.add(an_interval(MAX_NAMES + 50), 7)

        found = decode_totals(encode_totals(totals))

        for name, total in totals.queues.items():
            assert (found.queues[name].of, found.queues[name].wait) == (total.of, total.wait)
            assert found.queues[name].latest == 7
        for name, total in totals.types.items():
            assert (found.types[name].of, found.types[name].run) == (total.of, total.run)
        assert len(found.queues) == len(found.types) == MAX_NAMES + 1
