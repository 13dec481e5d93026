"""Handlers for tests: ordinary ones, and ones that misbehave."""

import asyncio
import os
import sys
import time
from datetime import date
from pathlib import Path
from typing import Any

ONE_MEGABYTE = ("x" * 9_999 + "\n") * 100


def greet(name: str, times: int = 1, *, born: date | None = None) -> dict[str, Any]:
    """Say hello."""
    print("greeting", name)
    return {"greeting": f"Hello {name}! " * times, "year": born.year if born else None}


def count_to(number: int, *, context: Any) -> int:
    """Count, and report the progress."""
    for counted in range(1, number + 1):
        context.progress(counted / number, f"{counted}")
        context.log(f"attempt {context.attempt} of {context.task_id}: {counted}")
    return number


def log_steadily(lines: int, gate: str | None = None, *, context: Any) -> None:
    """Log a line every hundredth of a second, and the last one when the file of the gate exists."""
    for number in range(1, lines + 1):
        while gate and number == lines and not Path(gate).exists():
            time.sleep(0.01)
        context.log(f"{number}")
        time.sleep(0.01)


class OutOfStock(Exception):
    retry = False


def order(product: str) -> None:
    """Fail in a way that a retry cannot mend."""
    raise OutOfStock(product)


async def wait_politely(*, context: Any) -> None:
    """Wait for ever, and clean up when asked to stop."""
    try:
        context.log("waiting")
        await asyncio.Event().wait()
    finally:
        context.log(f"cleaned up, cancelled: {context.cancelled}")


def print_megabytes(megabytes: int) -> str:
    """Print a lot, in long lines."""
    for _ in range(megabytes):
        sys.stdout.write(ONE_MEGABYTE)
    print("the end")
    return "printed"


def log_emoji(lines: int, *, context: Any) -> None:
    """Log long lines whose characters take four bytes each."""
    for number in range(lines):
        context.log(f"{number:03} " + "🥁" * 1_996)


def return_megabytes(megabytes: int) -> str:
    """Return a long text."""
    return "x" * megabytes * 1_000_000


def never_end() -> None:
    """Ignore every stop request."""
    while True:
        try:
            while True:
                time.sleep(0.01)
        except BaseException:
            print("no")


def kill_itself() -> None:
    """Kill this process."""
    os.kill(os.getpid(), 9)


def leave() -> None:
    """Try to end this process."""
    sys.exit("goodbye")
