"""Text of callers and functions never controls the terminal and never forges a line of a log."""

import contextlib
import json
import os
import pty
import re
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Self

import pytest
import requests

from tests.integration.calls import final
from tests.integration.processes import ServiceProcess, free_port
from tests.integration.waiting import PATIENCE, START_SECONDS, wait_until

HOSTILE = "a\x1b]0;owned\x07b\x9b2Jc\x7fd\u2028e\u202ef\x08g"
HANDLERS = f"""
import logging, sys, warnings

def explode() -> None:
    \"\"\"Explode {HOSTILE.encode("unicode_escape").decode()}.\"\"\"
    raise ValueError({HOSTILE!r} + "\\n{{\\"forged\\": 1}}")

def speak() -> None:
    print({HOSTILE!r})
    logging.getLogger("mine").warning({HOSTILE!r})
    warnings.warn({HOSTILE!r})

sys.stderr.write("imported " + {HOSTILE!r} + "\\n")
"""
PATHS = (
    "/x%1b%5d0;owned%07",
    "/x%0a%7b%22forged%22:1%7d",
    "/x%c2%9b2J",
    "/x%7f%e2%80%a8%e2%80%ae",
    "/tasks/%1b%5b2J",
)
COLOURS = re.compile(r"\x1b\[[0-9;]*m")
CONTROLS = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")


class OnTerminal(ServiceProcess):
    """A process whose output is a pseudo terminal."""

    def __enter__(self) -> Self:
        master, slave = pty.openpty()
        self._shown = bytearray()
        self.process = subprocess.Popen(
            self._arguments,
            env=self._environment,
            stdin=slave,
            stdout=slave,
            stderr=slave,
            process_group=0,
        )
        os.close(slave)
        threading.Thread(target=self._read, args=(master,), daemon=True).start()
        return self

    @property
    def output(self) -> str:
        return bytes(self._shown).decode(errors="replace")  # the last character may be cut

    def _read(self, master: int) -> None:
        with contextlib.suppress(OSError):  # the last process has closed the terminal
            while data := os.read(master, 65_536):
                self._shown += data
        os.close(master)


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, object]:
    (tmp_path / "hostile.py").write_text(HANDLERS)
    monkeypatch.setenv("PYTHONPATH", f"{tmp_path}{os.pathsep}{os.environ.get('PYTHONPATH', '')}")
    return {
        "http_port": free_port(),
        "http_workers": 1,
        "worker_concurrency": 1,
        "data_dir": tmp_path / "data",
        "handlers": "hostile",
    }


def attack(stack: ServiceProcess, port: object) -> None:
    """Send hostile text by every way that reaches the output."""
    wait_until(lambda: "Task Manager API is ready" in stack.output, START_SECONDS)
    url = f"http://127.0.0.1:{port}"
    for path in PATHS:
        with socket.create_connection(("127.0.0.1", int(str(port)))) as connection:
            connection.sendall(
                f"GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode()
            )
            connection.recv(65_536)
    for line in (
        b"G\x1b]0;owned\x07T / HTTP/1.1\r\n\r\n",
        b"GET / HTTP/1.1\r\nX\x1b[2J: y\r\n\r\n",
        b"\x1b[2J\r\n\r\n",
    ):
        with socket.create_connection(("127.0.0.1", int(str(port)))) as connection:
            connection.sendall(line)
            connection.recv(65_536)
    for kind in ("explode", "speak"):
        answer = requests.post(
            f"{url}/tasks", json={"task_name": "name", "type": kind}, timeout=PATIENCE
        )
        assert answer.status_code == 202, answer.text
        final(url, answer.json()["task_id"])
    wait_until(lambda: "forged" in stack.output and "Traceback" in stack.output)
    stack.stop()


@pytest.fixture
def shown(settings: dict[str, object], tmp_path: Path) -> Iterator[str]:
    with OnTerminal("local", tmp_path / "unused", **settings) as stack:
        attack(stack, settings["http_port"])
        yield COLOURS.sub("", stack.output)


def test_no_control_character_of_others_reaches_the_terminal(shown: str) -> None:
    assert CONTROLS.findall(shown.replace("\r\n", "\n")) == []
    assert "\\u001b]0;owned\\u0007" in shown
    assert not re.search(
        r'^\{"forged"', re.sub(r"(?s)Traceback.*?\n(?=\d{4}-)", "", shown), re.MULTILINE
    )


def test_each_line_of_a_log_is_one_json_document(
    settings: dict[str, object], tmp_path: Path
) -> None:
    with ServiceProcess("local", tmp_path / "log", **settings) as stack:
        attack(stack, settings["http_port"])
        output = stack.output

    assert CONTROLS.findall(output) == []
    lines = [json.loads(line) for line in output.splitlines() if line.startswith("{")]
    assert not [line for line in lines if "forged" in line]
    assert [line for line in lines if line["event"].startswith("GET /x\x1b")]
    assert [line for line in lines if "Invalid" in line["event"] and line["process"] == "api"]


def test_the_list_of_types_has_no_control_characters(settings: dict[str, object]) -> None:
    environment = {**os.environ, "TASKS_HANDLERS": "hostile"}
    arguments = [sys.executable, "-m", "entrypoints.cli", "handlers"]

    done = subprocess.run(
        arguments, env=environment, capture_output=True, text=True, timeout=PATIENCE, check=True
    )

    assert "explode: Explode a\\u001b]0;owned" in done.stdout
    assert CONTROLS.findall(done.stdout) == []
