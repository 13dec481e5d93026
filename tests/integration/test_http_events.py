"""Event streams over HTTP: of one task and of all, against a running server and worker."""

import json
import time
from pathlib import Path

import pytest
import redis
import requests

from entrypoints.local.embedded_redis import EmbeddedRedis
from tests.integration.connections import connect, response_of
from tests.integration.following import Follower
from tests.integration.processes import Api, ServiceProcess
from tests.integration.waiting import PATIENCE, wait_until


class TestEventsOfOneTask:
    def test_a_stream_sends_each_event_and_ends_after_the_final_one(
        self, api: Api, worker: ServiceProcess
    ) -> None:
        task_id = api.submit(duration=2)

        follower = Follower(api, f"/tasks/{task_id}/events")

        assert follower.response.headers["Content-Type"].startswith("text/event-stream")
        assert follower.ended.wait(PATIENCE)
        assert follower.names()[0] == "task.snapshot"
        assert follower.names()[-2:] == ["task.progress", "task.completed"]
        final = follower.events[-1]["data"]
        assert final.pop("actor")["kind"] == "worker"
        assert final == api.task(task_id)
        ids = [tuple(map(int, event["id"].split("-"))) for event in follower.events]
        assert ids == sorted(ids)

    def test_a_stream_resumes_without_a_gap_or_a_duplicate(
        self, api: Api, worker: ServiceProcess
    ) -> None:
        task_id = api.submit(duration=4)
        whole = Follower(api, f"/tasks/{task_id}/events")
        wait_until(lambda: "task.progress" in whole.names())
        cut_at = whole.events[0]["id"]

        resumed = Follower(api, f"/tasks/{task_id}/events", last_event_id=cut_at)

        assert whole.ended.wait(PATIENCE)
        assert resumed.ended.wait(PATIENCE)
        assert resumed.events == whole.events[1:]
        over = requests.get(
            f"http://127.0.0.1:{api.port}/tasks/{task_id}/events",
            headers={"Last-Event-ID": whole.events[-1]["id"]},
            timeout=PATIENCE,
        )
        assert (over.status_code, over.content) == (204, b"")

    def test_a_stream_of_a_final_task_sends_a_snapshot_and_ends(self, api: Api) -> None:
        task_id = api.submit()
        api.request("POST", f"/tasks/{task_id}/cancel")

        follower = Follower(api, f"/tasks/{task_id}/events")

        assert follower.ended.wait(PATIENCE)
        assert [(event["event"], event["data"]["status"]) for event in follower.events] == [
            ("task.snapshot", "CANCELLED")
        ]

    def test_a_deleted_task_ends_its_streams(self, api: Api) -> None:
        task_id = api.submit()
        follower = Follower(api, f"/tasks/{task_id}/events")
        follower.wait_for("task.snapshot")

        api.request("DELETE", f"/tasks/{task_id}")

        assert follower.ended.wait(PATIENCE)
        assert follower.names() == ["task.snapshot", "task.deleted"]

    def test_events_that_were_trimmed_are_a_gap_and_a_snapshot(
        self, api: Api, client: redis.Redis
    ) -> None:
        task_id = api.submit()
        old = client.xinfo_stream("tm:events")["last-generated-id"].decode()
        api.request("PATCH", f"/tasks/{task_id}", json={"task_name": "new"})
        client.xtrim("tm:events", maxlen=1, approximate=False)

        follower = Follower(api, f"/tasks/{task_id}/events", last_event_id=old)

        gap, snapshot = follower.wait_for("stream.gap", "task.snapshot")
        assert gap["data"] == {}
        assert snapshot["data"]["task_name"] == "new"

    @pytest.mark.parametrize("last", ["x", "1", "1-x", "-1-0", "9" * 30])
    def test_an_invalid_last_event_id_is_refused(self, api: Api, last: str) -> None:
        response = api.request(
            "GET", f"/tasks/{api.submit()}/events", headers={"Last-Event-ID": last}
        )

        assert (response.status_code, response.json()["code"]) == (400, "malformed_request")

    def test_an_unknown_task_has_no_stream(self, api: Api) -> None:
        assert api.request("GET", "/tasks/nonsense/events").json()["code"] == "task_not_found"
        refused = api.request("GET", "/events", headers={"Accept": "application/json"})
        assert refused.status_code == 406


class TestEventsOfAllTasks:
    def test_a_stream_of_all_tasks_begins_with_snapshots(self, api: Api) -> None:
        present = api.submit()
        follower = Follower(api, "/events")
        [snapshot] = follower.wait_for("task.snapshot")

        later = api.submit(run_at="2999-01-01T00:00:00Z")
        api.request("PATCH", f"/tasks/{present}", json={"priority": 9})
        api.request("POST", f"/tasks/{later}/cancel")
        api.request("POST", f"/tasks/{later}/retry")
        api.request("DELETE", f"/tasks/{present}")

        assert snapshot["data"]["task_id"] == present
        told = follower.wait_for(
            "task.scheduled", "task.updated", "task.cancelled", "task.retrying", "task.deleted"
        )
        assert [event["data"]["task_id"] for event in told] == [
            later,
            present,
            later,
            later,
            present,
        ]
        resumed = Follower(api, "/events", last_event_id=told[1]["id"])
        assert resumed.wait_for("task.cancelled", "task.retrying", "task.deleted") == told[2:]

    def test_filters_hold_for_events(self, api: Api) -> None:
        follower = Follower(api, "/events?label.team=a&status=CANCELLED")
        other, mine = api.submit(), api.submit(labels={"team": "a"})
        for task_id in (other, mine):
            api.request("POST", f"/tasks/{task_id}/cancel")

        [told] = follower.wait_for("task.cancelled")

        assert told["data"]["task_id"] == mine
        assert follower.names() == ["task.cancelled"]
        assert api.request("GET", "/events?status=DONE").status_code == 422

    def test_streams_end_when_the_server_stops(self, redis_url: str, tmp_path: Path) -> None:
        with Api(tmp_path / "api.log", redis_url=redis_url, http_workers=1) as api:
            self._stop_while_it_is_followed(api)

    def _stop_while_it_is_followed(self, api: Api) -> None:
        task_id = api.submit()
        followers = [Follower(api, path) for path in ("/events", f"/tasks/{task_id}/events")]
        for follower in followers:
            follower.wait_for("task.snapshot")
        wait = f"GET /tasks/{task_id}?wait=60 HTTP/1.1\r\nHost: localhost\r\n\r\n"
        began = time.monotonic()
        with connect(api.port, wait.encode()) as waiting:  # all is sent before it is accepted
            wait_until(lambda: api.connections() == 3)
            assert api.stop() == 0

            assert all(follower.ended.wait(PATIENCE) for follower in followers)
            head, _, body = response_of(waiting).partition(b"\r\n\r\n")
        assert time.monotonic() - began < 60
        assert head.startswith(b"HTTP/1.1 200 ")
        assert json.loads(body)["status"] == "QUEUED"

    def test_streams_go_on_after_redis_was_away(self, tmp_path: Path) -> None:
        server = EmbeddedRedis(tmp_path / "data")
        first = server.start()
        with Api(tmp_path / "api.log", redis_url=server.url, http_workers=1) as api:
            wait_until(lambda: api.request("GET", "/readyz").ok)
            task_id = api.submit()
            follower = Follower(api, "/events")
            follower.wait_for("task.snapshot")
            first.terminate()
            first.wait()
            wait_until(lambda: api.request("GET", "/tasks").status_code == 503)
            assert api.request("GET", "/events").status_code == 503
            second = server.start()
            try:
                wait_until(lambda: api.request("GET", "/readyz").ok)
                api.request("PATCH", f"/tasks/{task_id}", json={"task_name": "after"})
                [told] = follower.wait_for("task.updated")
                assert told["data"]["task_name"] == "after"
                assert not follower.ended.is_set()
            finally:
                second.kill()
                second.wait()
