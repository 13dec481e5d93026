"""The contract of RunInterrupt, inherited by the tests of its fake and of its adapter."""

from collections.abc import Callable

import pytest

from application.errors import RunStopped
from application.ports.run import RunInterrupt


class RunInterruptContract:
    """Expects the fixtures `interrupt` and `request_stop`, which asks the work of this process to
    stop.
    """

    def test_a_request_interrupts_the_work(
        self, interrupt: RunInterrupt, request_stop: Callable[[], None]
    ) -> None:
        with pytest.raises(RunStopped), interrupt.allowed():
            request_stop()

        assert interrupt.was_requested

    def test_a_request_outside_of_the_work_does_nothing(
        self, interrupt: RunInterrupt, request_stop: Callable[[], None]
    ) -> None:
        request_stop()
        with interrupt.allowed():
            pass
        request_stop()

        assert not interrupt.was_requested

    def test_a_second_request_does_not_interrupt_what_the_first_one_began(
        self, interrupt: RunInterrupt, request_stop: Callable[[], None]
    ) -> None:
        with interrupt.allowed():
            with pytest.raises(RunStopped):
                request_stop()
            request_stop()

        assert interrupt.was_requested

    def test_a_request_calls_the_function_of_the_block_in_place_of_raising(
        self, interrupt: RunInterrupt, request_stop: Callable[[], None]
    ) -> None:
        calls = []
        with interrupt.allowed(), interrupt.on_stop(lambda: calls.append("stop")):
            request_stop()

        assert calls == ["stop"]
        assert interrupt.was_requested

    def test_after_the_block_a_request_raises_again(
        self, interrupt: RunInterrupt, request_stop: Callable[[], None]
    ) -> None:
        with interrupt.allowed():
            with interrupt.on_stop(lambda: pytest.fail("the block is over")):
                pass
            with pytest.raises(RunStopped):
                request_stop()

    def test_the_next_run_knows_nothing_of_an_earlier_request(
        self, interrupt: RunInterrupt, request_stop: Callable[[], None]
    ) -> None:
        with pytest.raises(RunStopped), interrupt.allowed():
            request_stop()
        with interrupt.allowed():
            assert not interrupt.was_requested
