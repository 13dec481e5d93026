"""What every WakeUps must do."""

from collections.abc import Callable

from application.ports.task_repository import TaskRepository
from application.ports.wake_ups import WakeUps
from tests.contracts.task_repository import submit


class WakeUpsContract:
    """Expects the fixtures `repository`, `wake_ups` and `lose_wake_ups`, which removes all that
    wait."""

    def test_lost_wake_ups_are_added_again_and_none_too_many(
        self, repository: TaskRepository, wake_ups: WakeUps, lose_wake_ups: Callable[[], None]
    ) -> None:
        submit(repository), submit(repository)
        lose_wake_ups()

        assert wake_ups.top_up_all() == 2
        assert wake_ups.top_up_all() == 0

    def test_each_queue_gets_wake_ups_of_its_own(
        self, repository: TaskRepository, wake_ups: WakeUps, lose_wake_ups: Callable[[], None]
    ) -> None:
        submit(repository, queue="a"), submit(repository, queue="b")
        lose_wake_ups()

        assert wake_ups.top_up("a") == 1
        assert wake_ups.top_up("a") == 0
        assert wake_ups.top_up_all() == 1

    def test_a_queue_in_which_nothing_waits_gets_no_wake_up(
        self, repository: TaskRepository, wake_ups: WakeUps, lose_wake_ups: Callable[[], None]
    ) -> None:
        repository.remove(submit(repository))
        lose_wake_ups()

        assert wake_ups.top_up_all() == wake_ups.top_up("default") == 0

    def test_a_queue_that_no_task_names_is_forgotten(self, repository: TaskRepository, wake_ups: WakeUps) -> None:
        unused = submit(repository)
        submit(repository, queue="used")
        assert list(wake_ups.forget_unused()) == []
        repository.remove(unused)

        assert list(wake_ups.forget_unused()) == ["default"]
        assert list(wake_ups.forget_unused()) == []
