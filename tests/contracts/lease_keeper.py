"""The contract of LeaseKeeper, inherited by the tests of its fake and of its adapter."""

from collections.abc import Callable

import pytest

from application.ports.run import LeaseKeeper
from tests.building import a_task


class LeaseKeeperContract:
    """Expects the fixtures `keeper` and `is_armed`, which tells whether the process would end by
    itself.
    """

    @pytest.fixture(autouse=True)
    def _release(self, keeper: LeaseKeeper) -> object:
        yield
        keeper.release()

    def test_from_arming_to_release_the_process_would_end_by_itself(
        self, keeper: LeaseKeeper, is_armed: Callable[[], bool]
    ) -> None:
        assert not is_armed()

        keeper.arm()
        assert is_armed()
        keeper.start_renewing(a_task())
        assert is_armed()
        keeper.stop_renewing()
        assert is_armed()
        keeper.release()
        assert not is_armed()

    def test_a_process_without_a_claim_is_released_as_well(
        self, keeper: LeaseKeeper, is_armed: Callable[[], bool]
    ) -> None:
        keeper.release()
        keeper.arm()
        keeper.arm()
        keeper.release()

        assert not is_armed()

    def test_one_run_may_follow_another_without_release(
        self, keeper: LeaseKeeper, is_armed: Callable[[], bool]
    ) -> None:
        for _ in range(2):
            keeper.arm()
            keeper.start_renewing(a_task())
            keeper.stop_renewing()

        assert is_armed()
