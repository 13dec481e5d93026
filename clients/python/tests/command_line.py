"""Run the real command `task-manager`, without and with a terminal."""

import os
import pty
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from tests.integration.waiting import PATIENCE

SCRIPT = Path(sys.executable).with_name("task-manager")


@dataclass(frozen=True)
class Done:
    """A command that has ended: its exit code and output."""

    code: int
    stdout: str
    stderr: str

    @property
    def rows(self) -> list[list[str]]:
        """Return the tab-separated cells."""
        return [line.split("\t") for line in self.stdout.splitlines()]


class CommandLine:
    """Runs commands against one service, with a home of its own."""

    def __init__(self, url: str | None, home: Path) -> None:
        inherited = {k: v for k, v in os.environ.items() if not k.startswith(("TASKS_", "XDG_"))}
        self.environment = {**inherited, "HOME": str(home), "TERM": "xterm", "COLUMNS": "150"}
        if url:
            self.environment["TASKS_URL"] = url

    def __call__(self, *arguments: str, stdin: str = "", **environment: str) -> Done:
        done = subprocess.run(
            [SCRIPT, *arguments],
            input=stdin,
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=False,
            env={**self.environment, **environment},
        )
        assert "Traceback" not in done.stderr, done.stderr
        return Done(done.returncode, done.stdout, done.stderr)

    def start(self, *arguments: str, stdin: IO[str] | None = None) -> subprocess.Popen[str]:
        """Start a command that goes on."""
        pipe = subprocess.PIPE
        return subprocess.Popen(
            [SCRIPT, *arguments],
            stdin=stdin,
            stdout=pipe,
            stderr=pipe,
            text=True,
            env=self.environment,
        )

    def on_terminal(
        self, *arguments: str, answer: Callable[[str], str | None], **environment: str
    ) -> Done:
        """Run on a terminal. `answer` returns what to type, given all output so far."""
        return self.program_on_terminal(str(SCRIPT), *arguments, answer=answer, **environment)

    def program_on_terminal(
        self, *command: str, answer: Callable[[str], str | None], **environment: str
    ) -> Done:
        """Run any program on a terminal."""
        process, terminal = pty.fork()
        if process == 0:
            os.execvpe(command[0], command, {**self.environment, **environment})
        output = b""
        while True:
            try:
                part = os.read(terminal, 65_536)
            except OSError:  # the end, on Linux
                break
            if not part:
                break
            output += part
            if typed := answer(output.decode(errors="replace")):
                os.write(terminal, typed.encode())
        _, status = os.waitpid(process, 0)
        os.close(terminal)
        return Done(os.waitstatus_to_exitcode(status), output.decode().replace("\r\n", "\n"), "")
