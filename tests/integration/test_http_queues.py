"""Queues, workers, statistics and the deletion of running tasks over HTTP, with a real worker."""

from pathlib import Path

import redis

from tests.integration.following import Follower
from tests.integration.processes import Api, ServiceProcess
from tests.integration.waiting import PATIENCE, wait_until


class TestQueuesAndWorkers:
    def test_a_queue_that_exists_only_by_its_pause_can_be_resumed(
        self, api: Api, client: redis.Redis
    ) -> None:
        task_id = api.submit(queue="brief")
        assert api.request("POST", "/queues/brief/pause").status_code == 200
        assert api.request("DELETE", f"/tasks/{task_id}").status_code == 204
        client.srem("tm:queues", "brief")  # as maintenance forgets a name that no task has

        resumed = api.request("POST", "/queues/brief/resume")

        assert (resumed.status_code, resumed.json()["paused"]) == (200, False)
        assert api.request("POST", "/queues/brief/pause").status_code == 404

    def test_a_paused_queue_starts_nothing_until_it_is_resumed(
        self, api: Api, worker: ServiceProcess
    ) -> None:
        wait_until(lambda: api.request("GET", "/workers").json()["workers"])
        paused = api.request("POST", "/queues/default/pause")
        task_id = api.submit()
        other = api.submit(queue="other")

        assert (paused.status_code, paused.json()["paused"], paused.json()["workers"]) == (
            200,
            True,
            1,
        )
        assert api.request("GET", f"/tasks/{task_id}?wait=2").json()["status"] == "QUEUED"
        resumed = api.request("POST", "/queues/default/resume")
        assert (resumed.status_code, resumed.json()["paused"]) == (200, False)
        assert api.wait_for(task_id, "COMPLETED")
        assert api.task(other)["status"] == "QUEUED"
        assert api.request("POST", "/queues/unknown/pause").json()["code"] == "queue_not_found"

    def test_a_worker_lists_its_queues_and_running_tasks(
        self, api: Api, worker: ServiceProcess
    ) -> None:
        task_id = api.submit(duration=60)
        api.wait_for(task_id, "PROCESSING")

        [listed] = wait_until(lambda: api.request("GET", "/workers").json()["workers"])

        assert (listed["queues"], listed["concurrency"], listed["running"]) == (
            ["default"],
            2,
            [task_id],
        )
        assert listed["pid"] == worker.pid
        assert listed["last_heartbeat"].endswith("Z")
        [queue] = api.request("GET", "/queues").json()["queues"]
        assert (queue["processing"], queue["depth"], queue["workers"]) == (1, 0, 1)

    def test_the_places_of_a_queue_follow_from_its_tasks_and_its_measured_runs(
        self, api: Api, worker: ServiceProcess
    ) -> None:
        def scaling(query: str = "") -> dict[str, float]:
            found: dict[str, float] = api.request("GET", f"/queues/default/scaling{query}").json()
            return found

        wait_until(lambda: scaling()["idle_workers"] == 1)
        api.final(api.submit(duration=1))
        api.request("POST", "/queues/default/pause")
        tasks = [{"task_name": "waits", "duration": 1}] * 120
        assert api.request("POST", "/tasks/batch", json={"tasks": tasks}).status_code == 202

        paused = scaling()
        api.request("POST", "/queues/default/resume")
        resumed = scaling()

        assert (paused["desired_places"], paused["backlog"]) == (0, 120)
        # about 120 seconds of work in 30; 120 if no run was measured
        assert 2 <= resumed["desired_places"] < 60
        assert scaling("?drain_seconds=1")["desired_places"] > resumed["desired_places"]
        wait_until(lambda: scaling()["idle_workers"] == 0)
        assert resumed["oldest_waiting_seconds"] >= 0
        assert api.request("GET", "/queues/Default/scaling").json()["code"] == "queue_not_found"

    def test_a_running_task_that_is_deleted_is_stopped_first(
        self, api: Api, worker: ServiceProcess, redis_url: str, tmp_path: Path
    ) -> None:
        task_id = api.submit(duration=60)
        api.wait_for(task_id, "PROCESSING")
        follower = Follower(api, f"/tasks/{task_id}/events")

        refused = api.request("DELETE", f"/tasks/{task_id}")
        accepted = api.request("DELETE", f"/tasks/{task_id}?cancel=true")

        assert (refused.status_code, refused.json()["code"]) == (409, "task_running")
        assert accepted.status_code == 202
        assert follower.ended.wait(PATIENCE)
        assert follower.names()[-1] == "task.cancelled"
        with ServiceProcess("maintenance", tmp_path / "m.log", redis_url=redis_url):
            wait_until(lambda: api.request("GET", f"/tasks/{task_id}").status_code == 404)

    def test_maintenance_warns_of_a_queue_that_nobody_serves(
        self, api: Api, redis_url: str, tmp_path: Path
    ) -> None:
        api.submit(queue="lonely")

        with ServiceProcess(
            "maintenance", tmp_path / "m.log", redis_url=redis_url, lease_seconds=3
        ) as maintenance:
            wait_until(lambda: "no worker serves it" in maintenance.output, 30)
            assert "TASKS_QUEUES=lonely" in maintenance.output

    def test_stats_time_what_ran(self, api: Api, worker: ServiceProcess) -> None:
        api.wait_for(api.submit(duration=1), "COMPLETED")

        stats = api.request("GET", "/stats").json()

        assert stats["sample"] == 1
        assert 1 <= stats["run_seconds"]["p50"] <= stats["run_seconds"]["p99"]
        assert stats["wait_seconds"]["p50"] >= 0
        assert stats["store"]["used_memory"] > 0
        assert stats["store"]["is_full"] is False
        assert sum(minute["completed"] for minute in stats["last_hour"]) == 1
