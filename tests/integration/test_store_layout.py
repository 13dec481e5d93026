"""The store names the newest layout that was written; what nobody here can read is left alone."""

import pytest
import redis

from adapters.redis.id_codec import id_bytes
from adapters.redis.store import RedisStore
from adapters.redis.store_inspection import RedisStoreInspection
from adapters.redis.store_layout import RedisStoreLayout
from application.store_layout import PRESENT_LAYOUT, StoreTooNew
from application.use_cases.operations.claim_layout import ClaimLayout
from tests.contracts.store_inspection import StoreInspectionContract
from tests.contracts.store_layout import StoreLayoutContract
from tests.integration.following import Follower
from tests.integration.processes import Api
from tests.integration.waiting import wait_until

pytestmark = pytest.mark.usefixtures("own_layout")


class TestRedisStoreLayout(StoreLayoutContract):
    @pytest.fixture
    def layout(self, redis_store: RedisStore) -> RedisStoreLayout:
        return RedisStoreLayout(redis_store)


class TestRedisStoreInspection(StoreInspectionContract):
    @pytest.fixture
    def inspection(self, redis_store: RedisStore) -> RedisStoreInspection:
        return RedisStoreInspection(redis_store)


@pytest.mark.parametrize("damage", ["text", ""])
def test_a_damaged_number_is_replaced(
    redis_store: RedisStore, client: redis.Redis, damage: str
) -> None:
    layout = RedisStoreLayout(redis_store)
    client.set("tm:layout", damage)

    ClaimLayout(layout).execute()

    assert layout.stored() == PRESENT_LAYOUT


@pytest.mark.parametrize(
    "stored",
    [
        {"tm:layout": "text", "tm:layout:readers": 9},
        {"tm:layout": 9, "tm:layout:readers": "text"},
        {"tm:layout": 9},
        {"tm:layout:readers": 9},
    ],
)
def test_a_damaged_number_lets_no_older_release_start(
    redis_store: RedisStore, client: redis.Redis, stored: dict[str, str | int]
) -> None:
    client.mset(stored)

    with pytest.raises(StoreTooNew):
        ClaimLayout(RedisStoreLayout(redis_store)).execute()


@pytest.mark.slow
@pytest.mark.parametrize("path", ["/events", "/tasks/{}/events"])
def test_a_record_of_a_newer_layout_is_a_gap_for_followers_and_left_out_of_lists(
    api: Api, client: redis.Redis, path: str
) -> None:
    task_id, other_id = api.submit(), api.submit()
    live = Follower(api, path.format(task_id))
    wait_until(lambda: "task.snapshot" in live.names())
    key = b"tm:task:" + (id_bytes(task_id) or b"")
    written = {**client.hgetall(key), b"h": b"%d" % (PRESENT_LAYOUT.number + 1)}
    packed = b"\0".join(part for pair in written.items() for part in pair)

    client.xadd("tm:events", {"event": "task.updated", "id": id_bytes(task_id), "record": packed})

    wait_until(lambda: "stream.gap" in live.names())
    client.hset(key, mapping=written)
    for listed in (api.request("GET", "/tasks"), api.request("GET", "/tasks?full=true")):
        assert [task["task_id"] for task in listed.json()["tasks"]] == [other_id]
    later = Follower(api, "/events")
    wait_until(lambda: "task.snapshot" in later.names())
    api.request("POST", f"/tasks/{other_id}/cancel")
    wait_until(lambda: "task.cancelled" in later.names())
