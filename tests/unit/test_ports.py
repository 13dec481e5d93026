"""The ports for the services of tests are each for one test process alone."""

import socket
import subprocess
import sys

import pytest

from tests.integration import ports

TAKE = """
import sys
from tests.integration import ports
port = int(sys.argv[1])
ports.LOWEST, ports._lowest_of_the_kernel = port, lambda: port + 1
print(ports.free_port())
"""


def test_the_kernel_gives_them_to_no_outgoing_connection() -> None:
    lowest = ports._lowest_of_the_kernel()

    assert all(ports.free_port() < lowest for _ in range(20))


def test_no_other_test_process_gets_one_that_is_not_bound_yet() -> None:
    port = ports.free_port()

    other = subprocess.run(
        [sys.executable, "-c", TAKE, str(port)], capture_output=True, text=True, check=False
    )

    assert "RuntimeError: No port" in other.stderr, other.stdout


def test_one_that_another_program_has_bound_is_not_free(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        port = bound.getsockname()[1]
        monkeypatch.setattr(ports, "LOWEST", port)
        monkeypatch.setattr(ports, "_lowest_of_the_kernel", lambda: port + 1)

        with pytest.raises(RuntimeError, match="No port"):
            ports.free_port()
