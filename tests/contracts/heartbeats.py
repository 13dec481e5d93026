"""The contract of Heartbeats, inherited by the tests of its fake and of its adapter."""

from application.ports.heartbeats import Heartbeats, ServiceProcess


def a_process(role: str = "worker", name: str = "host-1", **members: object) -> ServiceProcess:
    return ServiceProcess(**{"role": role, "name": name, "host": "host", "pid": 1, **members})


class HeartbeatsContract:
    def test_a_process_without_a_heartbeat_is_not_alive(self, heartbeats: Heartbeats) -> None:
        assert list(heartbeats.alive("worker")) == []

    def test_a_process_with_a_heartbeat_is_alive_with_its_description(
        self, heartbeats: Heartbeats
    ) -> None:
        second, first = (
            a_process(name=name, queues=("a", "b"), concurrency=4) for name in ("host-2", "host-1")
        )
        for process in (second, first, first):
            heartbeats.beat(process)

        assert [beat.process for beat in heartbeats.alive("worker")] == [first, second]
        assert list(heartbeats.alive("maintenance")) == []

    def test_a_process_that_ends_is_not_alive(self, heartbeats: Heartbeats) -> None:
        heartbeats.beat(a_process())

        heartbeats.end(a_process())

        assert list(heartbeats.alive("worker")) == []
        assert [beat.process for beat in heartbeats.recently_alive("worker")] == [a_process()]
        heartbeats.beat(a_process())
        assert [beat.process for beat in heartbeats.alive("worker")] == [a_process()]

    def test_a_worker_and_its_pool_have_heartbeats_of_their_own_under_one_name(
        self, heartbeats: Heartbeats
    ) -> None:
        worker, pool = a_process(concurrency=4), a_process("io_pool", concurrency=200)
        for process in (worker, pool):
            heartbeats.beat(process)

        heartbeats.end(pool)

        assert [beat.process for beat in heartbeats.alive("worker")] == [worker]
        assert list(heartbeats.alive("io_pool")) == []

    def test_a_living_process_was_alive_lately(self, heartbeats: Heartbeats) -> None:
        assert list(heartbeats.recently_alive("worker")) == []

        heartbeats.beat(a_process())

        assert [beat.process for beat in heartbeats.recently_alive("worker")] == [a_process()]
        assert list(heartbeats.recently_alive("maintenance")) == []
