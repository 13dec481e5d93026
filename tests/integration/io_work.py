"""Handlers for tests of the I/O pool: ordinary ones, and ones that misbehave."""

import asyncio
import ctypes
import logging
import os
import signal
import time
from pathlib import Path
from typing import Any


async def wait_at(gate: str, name: str = "", *, context: Any) -> str:
    """Wait until the file of the gate exists, and say so in every way."""
    print("printed by", name)
    logging.getLogger("shop").info("logged by %s", name)
    context.progress(0.5, name)
    while not Path(gate).exists():
        await asyncio.sleep(0.02)
    context.log(f"through with {name}")
    return name


async def clean_up(*, context: Any) -> None:
    """Wait for ever, and clean up when asked to stop."""
    try:
        context.log("waiting")
        await asyncio.Event().wait()
    finally:
        await asyncio.sleep(0)
        context.log(f"cleaned up, cancelled: {context.cancelled}")


async def rest(once: str) -> str:
    """Wait for ever without a step, the first time."""
    if Path(once).exists():
        return "done"
    Path(once).touch()
    await asyncio.Event().wait()
    return "not reached"


async def work_in_parts() -> list[object]:
    """Use what asyncio offers."""
    async with asyncio.TaskGroup() as group:
        parts = [group.create_task(asyncio.sleep(0.01, part)) for part in range(3)]
    in_thread = await asyncio.to_thread(lambda: print("in a thread") or "thread")
    try:
        async with asyncio.timeout(0.01):
            await asyncio.Event().wait()
    except TimeoutError:
        return [[part.result() for part in parts], in_thread, "timeout"]
    return []


async def block(once: str) -> int:
    """Keep the loop for ever, the first time. Returns the id of the process."""
    if not Path(once).exists():
        Path(once).touch()
        while True:
            sum(range(1_000))
    return os.getpid()


async def never_stop() -> None:
    """Ignore every cancel."""
    while True:
        try:
            await asyncio.Event().wait()
        except BaseException:
            continue


async def hold_interpreter(once: str) -> str:
    """Keep the interpreter lock in C code, the first time."""
    if Path(once).exists():
        return "done"
    Path(once).touch()
    ctypes.PyDLL(None).sleep(60)
    return "not reached"


async def outlive_cancel() -> None:
    """Leave the work to a thread, which nothing can stop."""
    await asyncio.to_thread(time.sleep, 60)


async def kill_process(once: str) -> str:
    """Kill the process of this run, the first time."""
    if Path(once).exists():
        return "done"
    Path(once).touch()
    os.kill(os.getpid(), signal.SIGKILL)
    return "not reached"


async def leave() -> None:
    """Try to end this process."""
    raise SystemExit("goodbye")


async def in_a_process() -> int:
    """Run in a process of its own, although it is a coroutine."""
    await asyncio.sleep(0)
    return os.getpid()


in_a_process.pool = "process"  # type: ignore[attr-defined]


async def process_id() -> int:
    return os.getpid()
