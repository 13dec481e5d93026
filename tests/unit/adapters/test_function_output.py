"""The log of a task has all that its function prints, logs and raises."""

import logging
import subprocess
import sys
import threading

import pytest

from tests.fakes.run_context import FakeRunContext
from tests.unit.adapters.functions import run


def test_printed_and_logged_lines_become_the_log_of_the_task(capsys):
    def noisy() -> None:
        print("one", end=" ")
        print("line")
        print("to stderr", file=sys.stderr)
        sys.stdout.buffer.write("Grüße\n".encode())
        logging.getLogger("shop").info("packed %s", 3)
        logging.getLogger("shop").debug("too much")
        logging.getLogger("adapters.redis").warning("ours")
        thread = threading.Thread(target=print, args=("from a thread",))
        thread.start()
        thread.join()
        print("no end of line", end="")

    context = FakeRunContext()
    logging.getLogger("shop").setLevel(logging.INFO)
    run(noisy, context)

    assert context.lines == [
        *(
            "one line",
            "to stderr",
            "Grüße",
            "INFO shop: packed 3",
            "from a thread",
            "no end of line",
        ),
    ]
    print("afterwards")
    assert capsys.readouterr().out == "afterwards\n"


def test_a_log_call_with_the_wrong_arguments_does_not_fail_the_work(
    monkeypatch: pytest.MonkeyPatch,
):
    monkeypatch.setattr(logging.getLogger(), "handlers", [])  # pytest's own raise

    def clumsy() -> str:
        logging.getLogger("shop").warning("%d items", "three")
        return "done"

    assert run(clumsy) == "done"


def test_programs_can_be_started_with_the_captured_output():
    def starts() -> int:
        sys.stdout.reconfigure(line_buffering=True)
        return subprocess.run(
            [sys.executable, "-c", "pass"], stdout=sys.stdout, check=True
        ).returncode

    assert run(starts) == 0


def test_an_endless_line_is_cut_and_not_buffered():
    def endless() -> None:
        for _ in range(1_000):
            sys.stdout.write("x" * 1_000)
        print()

    context = FakeRunContext()
    run(endless, context)

    assert context.lines == ["x" * 2_001]


def test_an_exception_is_raised_again_and_its_traceback_is_logged():
    def broken() -> None:
        raise ValueError("no\nway")

    context = FakeRunContext()
    with pytest.raises(ValueError, match="no"):
        run(broken, context)

    assert context.lines[0] == "Traceback (most recent call last):"
    assert context.lines[-2:] == ["ValueError: no", "way"]
    assert not any("src/adapters" in line for line in context.lines)
