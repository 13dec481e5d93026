"""The contract of WakeUps, inherited by the tests of its fake and of its adapter.

The tests submit tasks to the repository of the same store.
"""

from collections.abc import Callable

from application.ports.queues import Queues
from application.ports.task_repository import TaskRepository
from application.ports.wake_ups import WakeUps
from tests.storing import submit


class WakeUpsContract:
    """`lose_wake_ups` removes every wake-up that exists."""

    def test_lost_wake_ups_are_added_again_and_none_too_many(
        self, repository: TaskRepository, wake_ups: WakeUps, lose_wake_ups: Callable[[], None]
    ) -> None:
        submit(repository), submit(repository), submit(repository, queue="other")
        lose_wake_ups()

        assert [wake_ups.top_up_all() for _ in range(2)] == [3, 0]

    def test_one_queue_is_topped_up_alone(
        self, repository: TaskRepository, wake_ups: WakeUps, lose_wake_ups: Callable[[], None]
    ) -> None:
        submit(repository), submit(repository, queue="other")
        lose_wake_ups()

        assert [wake_ups.top_up("default") for _ in range(2)] == [1, 0]
        assert wake_ups.top_up_all() == 1

    def test_a_queue_without_waiting_tasks_gets_none(self, wake_ups: WakeUps) -> None:
        assert (wake_ups.top_up_all(), wake_ups.top_up("default")) == (0, 0)

    def test_a_paused_queue_gets_none(
        self,
        repository: TaskRepository,
        queues: Queues,
        wake_ups: WakeUps,
        lose_wake_ups: Callable[[], None],
    ) -> None:
        submit(repository)
        queues.pause("default")
        lose_wake_ups()

        assert wake_ups.top_up_all() == 0

    def test_a_queue_that_no_task_names_is_forgotten_unless_it_is_paused(
        self, repository: TaskRepository, queues: Queues, wake_ups: WakeUps
    ) -> None:
        unused, paused = submit(repository), submit(repository, queue="paused")
        submit(repository, queue="used")
        queues.pause("paused")
        assert list(wake_ups.forget_unused()) == []
        repository.remove_many([unused, paused])

        assert list(wake_ups.forget_unused()) == ["default"]

        assert list(queues.names()) == ["paused", "used"]
