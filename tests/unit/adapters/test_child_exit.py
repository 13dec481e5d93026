"""The end of a child, from the kernel and in words."""

import os
import signal
import subprocess
import sys
from types import SimpleNamespace

import pytest

from adapters.supervision.child_exit import cause_of, exit_code

pytestmark = pytest.mark.skipif(not hasattr(os, "pidfd_open"), reason="a pidfd is Linux's")


@pytest.mark.parametrize("code", [0, 3, -signal.SIGALRM, -signal.SIGKILL])
@pytest.mark.parametrize("reaped_first", [False, True])
def test_the_exit_code_is_read_before_and_after_another_reaps_the_child(
    code: int, reaped_first: bool
) -> None:
    program = f"import os, sys; sys.exit({code}) if {code} >= 0 else os.kill(os.getpid(), {-code})"
    process = subprocess.Popen([sys.executable, "-c", program])
    descriptor = os.pidfd_open(process.pid)
    try:
        if reaped_first:
            process.wait()
        else:
            os.waitid(os.P_PIDFD, descriptor, os.WEXITED | os.WNOWAIT)
        assert exit_code(descriptor, SimpleNamespace(_popen=process)) == code
        assert process.wait() == code
    finally:
        os.close(descriptor)


def test_each_end_has_its_words() -> None:
    assert "for 12 s, so the kernel ended it (SIGALRM)" in cause_of(-signal.SIGALRM, 12.0)
    assert cause_of(-signal.SIGKILL, 12.0).startswith(
        "SIGKILL ended the process. The kernel sends it when memory"
    )
    assert cause_of(-signal.SIGTERM, 12.0) == "SIGTERM ended the process."
    assert cause_of(-40, 12.0) == "Signal 40 ended the process."  # a real-time signal
    assert cause_of(3, 12.0) == "The process exited with code 3 during the run."
    assert cause_of(None, 12.0) == "How the process ended is not known."
