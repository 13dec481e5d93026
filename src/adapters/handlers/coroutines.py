"""Run a coroutine in a process that runs one task at a time."""

import asyncio
from collections.abc import Coroutine
from typing import Any

from application.errors import RunStopped
from application.ports.run import RunContext


def run_coroutine(work: Coroutine[Any, Any, Any], context: RunContext) -> Any:
    """Run a coroutine to its end. A stop request cancels it, so that it can clean up."""

    async def stoppable() -> Any:
        task: asyncio.Task[Any] = asyncio.ensure_future(work)
        loop = asyncio.get_running_loop()

        def stop() -> None:
            loop.call_soon_threadsafe(task.cancel)

        with context.on_stop(stop):
            return await task

    try:
        return asyncio.run(stoppable())
    except asyncio.CancelledError:
        if context.cancelled:
            raise RunStopped from None
        raise
