"""GET /stats/series: statistics over time, with real workers and maintenance over HTTP."""

from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from typing import Any

import pytest
import redis

from adapters.redis import keys
from adapters.redis.interval_codec import encode_interval
from application.series import GROWTH
from tests.integration.processes import Api, ServiceProcess
from tests.integration.test_redis_series import an_interval
from tests.integration.waiting import wait_until

READERS = 4
"""Each takes a second of CPU: the sums of 336 hours are as large as they can be."""


def series_of(api: Api, query: str = "") -> dict[str, Any]:
    response = api.request("GET", f"/stats/series{query}")
    assert response.status_code == 200, response.text
    return response.json()


class TestSeries:
    def test_runs_appear_in_every_span_by_queue_and_by_type(
        self, api: Api, worker: ServiceProcess
    ) -> None:
        task = api.final(api.submit(duration=1))
        started, ended = (
            datetime.fromisoformat(task[name]) for name in ("started_at", "finished_at")
        )
        seconds = (ended - started).total_seconds()
        api.submit(queue="other")

        for span, steps in (("5m", 5), ("60m", 60), ("2h", 120), ("24h", 24), ("14d", 336)):
            told = series_of(api, f"?span={span}")
            assert len(told["begins_at"]) == steps
            assert {len(values) for values in told["total"].values()} == {steps}
            assert told["step_seconds"] == (60 if steps in {5, 60, 120} else 3_600)
            assert [each["name"] for each in told["series"]] == ["default", "other"]
            default = told["series"][0]
            assert (sum(default["submitted"]), sum(default["completed"])) == (1, 1)
            assert sum(told["total"]["submitted"]) == 2
            [run] = filter(None, default["run_p95"])
            assert seconds / GROWTH <= run <= seconds * GROWTH
            assert [value for value in default["wait_p50"] if value is not None]
        [sleep] = series_of(api, "?by=type")["series"]
        assert (sleep["name"], sum(sleep["submitted"])) == ("sleep", 2)

    def test_maintenance_samples_the_backlog_when_a_minute_is_over(
        self, api: Api, client: redis.Redis, maintenance: ServiceProcess
    ) -> None:
        # In one step, or else a minute may be over between them.
        tasks = [{"task_name": "test", "duration": 1, "queue": "waiting"}] * 3
        assert api.request("POST", "/tasks/batch", json={"tasks": tasks}).status_code == 202

        [told] = wait_until(
            lambda: [
                each
                for each in series_of(api)["series"]
                if each["name"] == "waiting" and any(each["backlog"])
            ],
            150,
        )

        assert [value for value in told["backlog"] if value] == [3]
        assert sum(told["submitted"]) == 3
        assert told["backlog"][-1] is None

    def test_parameters_are_checked(self, api: Api) -> None:
        for query in ("?span=1m", "?by=label", "?span=", "?span=5m&span=7d", "?x=1"):
            response = api.request("GET", f"/stats/series{query}")
            assert (response.status_code, response.json()["code"]) == (422, "invalid_request")

    @pytest.mark.slow
    @pytest.mark.long
    def test_readers_of_the_largest_sums_leave_others_their_turn(
        self, api: Api, client: redis.Redis
    ) -> None:
        hour, text = client.time()[0] // 3_600, encode_interval(an_interval(1_000, letters=150))
        for each in range(hour - 336, hour):
            client.set(keys.hour_series(each), text)

        with ThreadPoolExecutor(READERS) as pool:
            reads = [pool.submit(series_of, api, "?span=14d&by=type") for _ in range(READERS)]
            for _ in range(10):
                assert api.request("GET", "/livez").status_code == 200
            told = [read.result() for read in reads]

        assert len(told[0]["series"]) <= 20
        assert told[0]["others"]
        begins = (datetime.fromisoformat(at).timestamp() for at in told[0]["begins_at"])
        read = sum(hour - 336 <= at // 3_600 < hour for at in begins)
        assert read >= 334, "335, or one less when an hour has begun meanwhile"
        assert sum(told[0]["total"]["completed"]) == read * 98 * 1_000 * 1_001 // 2
        assert all(each["series"] == told[0]["series"] for each in told)
