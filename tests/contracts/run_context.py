"""The contract of RunContext, inherited by the tests of its fake and of its adapter."""

from collections.abc import Callable, Sequence

import pytest

from application.errors import RunStopped
from application.ports.run import RunContext


class RunContextContract:
    """Expects three fixtures: `context`, `request_stop`, which asks its run to stop, and `reports`.

    `reports` returns the latest progress, as a fraction and a message, and the log lines.
    """

    def test_lines_come_in_order_and_of_the_progress_the_latest_counts(
        self, context: RunContext, reports: Callable[[], tuple[tuple[float, str], Sequence[str]]]
    ) -> None:
        context.log("first")
        context.progress(0.25, "a quarter")
        context.log("second")
        context.progress(0.5)

        progress, lines = reports()
        assert progress == (0.5, "")
        assert list(lines) == ["first", "second"]

    def test_a_run_is_cancelled_once_it_was_asked_to_stop(
        self, context: RunContext, request_stop: Callable[[], None]
    ) -> None:
        assert not context.cancelled

        with pytest.raises(RunStopped):
            request_stop()

        assert context.cancelled

    def test_a_request_to_stop_calls_the_function_of_the_block_in_place_of_raising(
        self, context: RunContext, request_stop: Callable[[], None]
    ) -> None:
        seen = []
        with context.on_stop(lambda: seen.append(context.cancelled)):
            request_stop()

        assert seen == [True]

    def test_after_the_block_a_request_to_stop_raises_again(
        self, context: RunContext, request_stop: Callable[[], None]
    ) -> None:
        with context.on_stop(lambda: pytest.fail("the block is over")):
            pass

        with pytest.raises(RunStopped):
            request_stop()
