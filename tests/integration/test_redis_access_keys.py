"""Keys in Redis keep their contract, and some promises of their own."""

import json

import pytest
import redis

from adapters.redis import keys
from adapters.redis.access_keys import RedisAccessKeys
from adapters.redis.store import RedisStore
from tests.contracts.access_keys import AccessKeysContract, a_key


class TestRedisAccessKeys(AccessKeysContract):
    @pytest.fixture
    def access_keys(self, redis_store: RedisStore) -> RedisAccessKeys:
        return RedisAccessKeys(redis_store)

    @pytest.mark.parametrize("damage", [b"", b"[]", b"{}", b"\xff", b'{"role": "king"}'])
    def test_a_damaged_key_gives_no_access_and_hides_no_other(
        self, access_keys: RedisAccessKeys, client: redis.Redis, damage: bytes
    ) -> None:
        access_keys.add(a_key())
        client.hset(keys.ACCESS_KEYS, "damaged", damage)  # type: ignore[arg-type]

        assert access_keys.get("damaged") is None
        assert [each.key for each in access_keys.all()] == [a_key()]

    def test_others_run_between_the_keys_of_a_list(self, redis_store: RedisStore) -> None:
        turns: list[None] = []
        access_keys = RedisAccessKeys(redis_store, lambda: turns.append(None))
        for number in range(10):
            access_keys.add(a_key(f"{number:012}"))

        assert len(access_keys.all()) == len(turns) == 10

    def test_members_of_later_versions_are_ignored(
        self, access_keys: RedisAccessKeys, client: redis.Redis
    ) -> None:
        access_keys.add(a_key())
        stored = json.loads(client.hget(keys.ACCESS_KEYS, a_key().key_id) or b"")  # type: ignore[arg-type]
        client.hset(keys.ACCESS_KEYS, a_key().key_id, json.dumps({**stored, "new": 1}))

        assert access_keys.get(a_key().key_id) == a_key()
