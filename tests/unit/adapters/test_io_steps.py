"""The steps of runs on a loop: who has it, and how a run is ended for good."""

import asyncio
import contextvars
from collections.abc import Coroutine
from contextlib import suppress
from typing import Any

import pytest

from adapters.io_pool.board import Board
from adapters.io_pool.held_time import HeldTime
from adapters.io_pool.steps import CURRENT, LoopSteps, RunSteps, RunThreads
from application.errors import HandlerFailed, RunBlocksOthers


@pytest.fixture
def board() -> Board:
    return Board(4)


@pytest.fixture
def steps(board: Board) -> LoopSteps:
    return LoopSteps(board)


def run(steps: LoopSteps, run_steps: RunSteps, work: Coroutine[Any, Any, Any]) -> Any:
    """Run the work as the run of a slot."""

    async def main() -> Any:
        loop = asyncio.get_running_loop()
        loop.set_task_factory(steps.create_task)
        loop.set_default_executor(RunThreads(2))
        context = contextvars.copy_context()
        context.run(CURRENT.set, run_steps)
        return await steps.task_of(run_steps, loop, work, context=context)

    return asyncio.run(main())


def test_the_board_shows_whose_step_it_is_also_in_tasks_of_the_run(
    board: Board, steps: LoopSteps
) -> None:
    seen = []

    async def inner() -> None:
        await asyncio.sleep(0)
        seen.append(board.on_loop)

    async def work() -> str:
        seen.append(board.on_loop)
        async with asyncio.TaskGroup() as group:
            group.create_task(inner())
        seen.append(board.on_loop)
        return "done"

    assert run(steps, RunSteps(3), work()) == "done"
    assert seen == [3, 3, 3]
    assert board.on_loop is None


def test_threads_are_counted_for_their_run(steps: LoopSteps) -> None:
    run_steps = RunSteps(0)
    seen = []

    async def work() -> None:
        await asyncio.to_thread(lambda: seen.append(run_steps.threads))

    run(steps, run_steps, work())

    assert seen[0] in (0, 1)  # counted when it was submitted, perhaps while it ran
    assert run_steps.threads == 0


def test_a_run_that_is_refused_is_not_resumed(steps: LoopSteps) -> None:
    run_steps, seen = RunSteps(0), []

    async def work() -> None:
        while True:
            with suppress(asyncio.CancelledError):
                seen.append("step")
                run_steps.is_refused = len(seen) == 3
                await asyncio.sleep(0)

    with pytest.raises(asyncio.CancelledError):
        run(steps, run_steps, work())
    assert len(seen) == 3


def test_only_the_step_that_was_asked_is_interrupted(steps: LoopSteps) -> None:
    run_steps = RunSteps(0)

    async def work() -> str:
        steps.ask_to_interrupt(steps.number - 1)
        steps.interrupt()
        steps.ask_to_interrupt(steps.number)
        steps.interrupt()
        return "not reached"

    with pytest.raises(RunBlocksOthers):
        run(steps, run_steps, work())
    assert run_steps.blocks_others


@pytest.mark.parametrize("error", [SystemExit("goodbye"), KeyboardInterrupt()])
def test_an_end_of_the_process_is_a_failure_of_the_run(
    steps: LoopSteps, error: BaseException
) -> None:
    async def work() -> None:
        await asyncio.sleep(0)
        raise error

    with pytest.raises(HandlerFailed, match=type(error).__name__):
        run(steps, RunSteps(0), work())


def test_time_without_a_processor_does_not_count_as_held() -> None:
    now, waited = [10.0], [0.0]
    held = HeldTime(lambda: waited[0], lambda: now[0])

    assert held.look("step 1") == 0
    now[0] += 5
    waited[0] += 4
    assert held.look("step 1") == 1
    now[0] += 1
    assert held.look("step 2") == 0


def test_the_board_tells_which_run_had_to_be_over(board: Board) -> None:
    board.words[3] = 2
    board.must_end_by(1, 0.001)
    board.must_end_by(2, 1e9)

    assert board.overdue() == 1
    assert (board.has_to_end(1), board.has_to_end(0)) == (True, False)
    board.must_end_by(1, None)
    assert board.overdue() is None
