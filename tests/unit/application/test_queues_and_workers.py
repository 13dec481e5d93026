"""Queues and workers: lists, pauses, removal, and warnings about queues that nobody serves."""

from datetime import timedelta

import pytest

from application.errors import QueueInUse, QueueNotFound, StoreUnavailable
from application.ports.callers import Anyone
from application.use_cases.maintenance.find_unserved_queues import MAX_QUEUES, FindUnservedQueues
from application.use_cases.operations.list_queues import ListQueues
from application.use_cases.operations.list_workers import ListWorkers
from application.use_cases.operations.pause_queue import PauseQueue
from application.use_cases.operations.remove_queue import RemoveQueue
from application.use_cases.operations.warn_about_queues import WarnAboutQueues
from tests.contracts.heartbeats import a_process
from tests.fakes.clock import FakeClock
from tests.fakes.heartbeats import FakeHeartbeats
from tests.fakes.queues import FakeQueues
from tests.fakes.task_store import FakeTaskStore
from tests.fakes.wake_ups import FakeWakeUps
from tests.storing import save


class TestQueuesAndWorkers:
    @pytest.fixture
    def heartbeats(self, clock: FakeClock) -> FakeHeartbeats:
        return FakeHeartbeats(clock)

    @pytest.fixture
    def list_queues(
        self, store: FakeTaskStore, clock: FakeClock, heartbeats: FakeHeartbeats
    ) -> ListQueues:
        return ListQueues(FakeQueues(store), heartbeats, clock, Anyone())

    def test_the_queues_are_those_that_a_task_names_or_a_worker_serves(
        self, store, clock, heartbeats, list_queues
    ) -> None:
        heartbeats.beat(a_process(name="1", queues=("served", "both")))
        heartbeats.beat(a_process(name="2", queues=("both",)))
        save(store, queue="both")
        save(store, queue="lonely")
        clock.advance(timedelta(seconds=5))

        reports = list_queues.execute()

        seen = [
            (report.state.name, report.state.depth, report.workers, report.oldest_waiting_seconds)
            for report in reports
        ]
        assert seen == [("both", 1, 2, 5), ("lonely", 1, 0, 5), ("served", 0, 1, None)]

    def test_a_queue_is_paused_and_resumed(self, store, list_queues) -> None:
        wake_ups = FakeWakeUps(store)
        pause = PauseQueue(FakeQueues(store), wake_ups, list_queues)
        save(store)

        assert pause.execute("default", paused=True).state.paused
        assert store.claim("default", owner="a:1", claim_id="1") is None
        assert not pause.execute("default", paused=False).state.paused
        assert wake_ups.calls == 1
        with pytest.raises(QueueNotFound, match="'unknown'"):
            pause.execute("unknown", paused=True)

    def test_an_unserved_queue_is_reported_once_until_it_was_served(
        self, store, clock, heartbeats
    ) -> None:
        watch = FindUnservedQueues(
            FakeQueues(store), heartbeats, clock, lease=timedelta(seconds=15)
        )
        save(store, queue="lonely")
        assert list(watch.execute()) == []
        clock.advance(timedelta(seconds=30))

        assert [list(watch.execute()) for _ in range(2)] == [["lonely"], []]
        heartbeats.beat(a_process(queues=("lonely",)))
        assert list(watch.execute()) == []
        clock.advance(timedelta(seconds=15))
        assert list(watch.execute()) == []
        clock.advance(timedelta(seconds=30))
        assert list(watch.execute()) == ["lonely"]

    def test_queues_that_seem_to_have_tasks_and_have_none_hide_no_unserved_queue(
        self, store, clock, heartbeats
    ) -> None:
        class DamagedQueues(FakeQueues):
            def waiting(self) -> list[str]:
                damaged = [f"damaged-{number:02}" for number in range(2 * MAX_QUEUES)]
                return [*damaged, *super().waiting()]

        watch = FindUnservedQueues(
            DamagedQueues(store), heartbeats, clock, lease=timedelta(seconds=15)
        )
        save(store, queue="lonely")
        watch.execute()
        clock.advance(timedelta(seconds=30))

        def look() -> list[str]:
            clock.advance(timedelta(seconds=3))
            return list(watch.execute())

        assert [look() for _ in range(3)] == [[], [], ["lonely"]]
        save(store, queue="damaged-39")  # repaired meanwhile
        assert [look() for _ in range(2)] == [[], ["damaged-39"]]

    def test_a_worker_that_starts_again_within_two_leases_gives_no_alarm(
        self, store, clock, heartbeats
    ) -> None:
        watch = FindUnservedQueues(
            FakeQueues(store), heartbeats, clock, lease=timedelta(seconds=15)
        )
        save(store, queue="busy")
        for _ in range(3):
            assert list(watch.execute()) == []
            clock.advance(timedelta(seconds=29))
            assert list(watch.execute()) == []
            heartbeats.beat(a_process(queues=("busy",)))
            assert list(watch.execute()) == []
            clock.advance(timedelta(seconds=15))

    def test_a_queue_is_removed_once_nobody_uses_it(
        self, store, clock, heartbeats, list_queues
    ) -> None:
        remove = RemoveQueue(FakeQueues(store), list_queues)
        task = save(store, queue="mine")
        heartbeats.beat(a_process(queues=("mine",)))

        with pytest.raises(QueueInUse, match="A living worker serves the queue 'mine'"):
            remove.execute("mine")
        heartbeats.end(a_process(queues=("mine",)))
        with pytest.raises(QueueInUse, match="The queue 'mine' has tasks"):
            remove.execute("mine")
        store.remove(task)
        remove.execute("mine")

        assert list_queues.execute() == []
        with pytest.raises(QueueNotFound, match="'mine'"):
            remove.execute("mine")

    def test_there_is_a_warning_for_a_queue_that_no_worker_has_served_lately(
        self, clock, heartbeats
    ) -> None:
        warn = WarnAboutQueues(heartbeats, clock)
        heartbeats.beat(a_process(queues=("served",)))

        def warned() -> list[str]:
            clock.advance(timedelta(seconds=1))  # the cache is older than that
            return list(warn.execute(["served", "lonely", "lonely"]))

        clock.advance(timedelta(seconds=10))
        assert warned() == []  # the process is young: a worker of "lonely" may be starting
        heartbeats.beat(a_process(queues=("served",)))
        clock.advance(timedelta(seconds=4))
        assert warned() == ["lonely"]
        heartbeats.end(a_process(queues=("served",)))
        assert warned() == ["lonely"]  # "served" is perhaps being restarted
        clock.advance(timedelta(seconds=30))
        assert warned() == ["served", "lonely"]
        heartbeats.beat(a_process(queues=("lonely",)))
        assert warned() == ["served"]

    def test_warnings_read_the_store_once_a_second_and_are_limited(
        self, clock, heartbeats, monkeypatch
    ) -> None:
        asked = []
        monkeypatch.setattr(heartbeats, "recently_alive", lambda role: asked.append(role) or [])
        warn = WarnAboutQueues(heartbeats, clock)
        clock.advance(timedelta(seconds=30))

        assert [len(warn.execute(map(str, range(1_000)))) for _ in range(9)] == [20] * 9
        clock.advance(timedelta(seconds=1))
        warn.execute(["a"])

        assert asked == ["worker"] * 2

    def test_there_are_no_warnings_while_the_store_is_unavailable(
        self, clock, heartbeats, monkeypatch
    ) -> None:
        warn = WarnAboutQueues(heartbeats, clock)
        clock.advance(timedelta(seconds=30))
        assert len(warn.execute(["a"])) == 1

        def away(role: str) -> None:
            raise StoreUnavailable("away")

        monkeypatch.setattr(heartbeats, "recently_alive", away)
        clock.advance(timedelta(seconds=1))

        assert warn.execute(["a"]) == []

    def test_a_worker_report_has_the_tasks_that_the_worker_runs(self, store, heartbeats) -> None:
        mine, _theirs = save(store), save(store)
        heartbeats.beat(a_process(name="host-1", queues=("default",), concurrency=2))
        store.claim("default", owner="host-1:7", claim_id="1")
        store.claim("default", owner="host-10:7", claim_id="1")

        [report] = ListWorkers(heartbeats, store).execute()

        assert (report.heartbeat.process.name, list(report.running)) == ("host-1", [mine.task_id])
