"""save.lua makes each effect, and makes all or none."""

from collections.abc import Callable
from datetime import UTC, datetime

import pytest
import redis

from adapters.redis import keys
from adapters.redis.effects import Effects
from adapters.redis.save_script import SaveReply, SaveScript
from adapters.redis.store import RedisStore
from adapters.redis.task_leases import RedisTaskLeases
from adapters.redis.task_repository import RedisTaskRepository
from application.ports.task_repository import Change
from tests.storing import claim, submit

KEY, OTHER = b"one", b"other"


class TestTheSaveScript:
    """Each effect, and that all are made or none."""

    @pytest.fixture
    def save(self, redis_store: RedisStore) -> Callable[[Effects], SaveReply]:
        return SaveScript(redis_store).run

    def test_a_key_that_must_not_exist_is_set_with_the_time_behind_its_value(
        self, save, client: redis.Redis
    ) -> None:
        effects = Effects()
        effects.require_no_value(KEY)
        effects.set_dated(KEY, b"value")

        reply = save(effects)

        assert reply.saved
        assert client.get(KEY) == f"value{reply.now_ms}".encode()

    def test_a_value_is_set_for_its_lifetime(self, save, client: redis.Redis) -> None:
        effects = Effects()
        effects.set_for(KEY, b"value", 60_000)

        assert save(effects).saved
        assert client.get(KEY) == b"value"
        assert 30_000 < client.pttl(KEY) <= 60_000

    def test_a_key_that_exists_refuses_the_whole_change_with_its_value(
        self, save, client: redis.Redis
    ) -> None:
        client.set(KEY, "first")
        effects = Effects()
        effects.set_fields(OTHER, {"field": b"value"})
        effects.require_no_value(KEY)
        effects.set_dated(KEY, b"second")

        assert save(effects) == SaveReply(False, refused_by="require_no_value", detail=b"first")
        assert client.get(KEY) == b"first"
        assert not client.exists(OTHER)

    def test_a_key_of_the_wrong_type_refuses_the_whole_change(
        self, save, client: redis.Redis
    ) -> None:
        client.set(KEY, "a string")
        effects = Effects()
        effects.set_fields(OTHER, {"field": b"value"})
        effects.push(KEY, "value")

        with pytest.raises(
            redis.ResponseError, match="WRONGTYPE one is of a type that has no LLEN"
        ):
            save(effects)
        assert not client.exists(OTHER)

    def test_a_guard_on_a_key_of_the_wrong_type_refuses_the_whole_change(
        self, save, client: redis.Redis
    ) -> None:
        client.set(KEY, "a string")
        effects = Effects()
        effects.set_fields(OTHER, {"field": b"value"})
        effects.require_version(KEY, 1)

        with pytest.raises(redis.ResponseError, match="WRONGTYPE"):
            save(effects)
        assert not client.exists(OTHER)

    @pytest.mark.parametrize(
        ("arguments", "error"),
        [
            (["-", 0, "explode", 1, 1], "unknown write explode"),
            (["-", 3, "require_hope", 1, 1], "unknown guard require_hope"),
        ],
    )
    def test_an_unknown_word_is_an_error(
        self, redis_store: RedisStore, arguments: list, error: str
    ) -> None:
        with pytest.raises(redis.ResponseError, match=error):
            redis_store.script("save")([KEY], arguments)

    def test_lists_indexes_and_fields_are_written(self, save, client: redis.Redis) -> None:
        client.hset(OTHER, mapping={"old": "x", "older": "y"})
        effects = Effects()
        effects.push(b"list", b"\x00binary")
        effects.push_dated(b"list", b"at:")
        effects.add_to_index(b"index", "scored", 7)
        effects.add_to_index(b"index", "dated")
        effects.unset_fields(OTHER, ["old", "older"])
        effects.set_time(KEY, b"field", {b"other": b"value"})

        now = save(effects).now_ms

        assert client.lrange(b"list", 0, -1) == [b"\x00binary", b"at:%d" % now]
        assert client.zrange(b"index", 0, -1, withscores=True) == [
            (b"scored", 7.0),
            (b"dated", float(now)),
        ]
        assert client.hgetall(KEY) == {b"field": b"%d" % now, b"other": b"value"}
        assert not client.exists(OTHER)

    def test_an_event_holds_the_record_as_the_change_left_it(
        self, save, client: redis.Redis
    ) -> None:
        effects = Effects()
        effects.set_fields(KEY, {"s": b"QUEUED"})
        effects.append_event(b"stream", KEY, 100, "task.submitted", "member")

        save(effects)

        ((_, fields),) = client.xrange(b"stream")
        assert fields == {b"event": b"task.submitted", b"id": b"member", b"record": b"s\0QUEUED"}

    def test_effects_of_many_tasks_are_all_made_or_none(self, save, client: redis.Redis) -> None:
        client.hset(OTHER, "v", 2)
        effects = Effects()
        effects.require_version(KEY, None)
        effects.set_fields(KEY, {"v": b"1"})
        effects.require_version(OTHER, 1)
        effects.set_fields(OTHER, {"v": b"2"})

        assert save(effects).refused_by == "require_version"
        assert not client.exists(KEY)

    def test_a_million_places_and_ten_priorities_stay_apart(
        self, repository: RedisTaskRepository, leases: RedisTaskLeases, client: redis.Redis
    ) -> None:
        client.set("tm:sequence", 2**48)
        ids = [submit(repository, priority=0).task_id for _ in range(3)]

        assert [claim(leases, owner=f"a:{number}").task_id for number in range(3)] == ids

    @pytest.mark.parametrize("damage", ["text", "list"])
    def test_a_damaged_counter_of_places_starts_again_behind_all_others(
        self, repository: RedisTaskRepository, client: redis.Redis, damage: str
    ) -> None:
        first, due = submit(repository), submit(repository, run_at=datetime(2999, 1, 1, tzinfo=UTC))
        client.delete(keys.SEQUENCE)
        if damage == "text":
            client.set(keys.SEQUENCE, "no number")
        else:
            client.rpush(keys.SEQUENCE, "no number")

        promoted = repository.save(Change(before=due, after=due.promote()))
        last = submit(repository)

        tasks = [first, promoted, last]
        assert repository.positions(tasks) == {each.task_id: n for n, each in enumerate(tasks, 1)}
