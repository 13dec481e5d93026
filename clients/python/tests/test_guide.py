"""The commands, programs and outputs of docs/guide.md are true, in the order of the page.

The commands run on a terminal, as the reader's do. The service has another port.
"""

import os
import re
import signal
import subprocess
from pathlib import Path

import pytest
from command_line import CommandLine
from tests.integration.ports import free_port
from tests.integration.processes import ServiceProcess
from tests.integration.waiting import PATIENCE, START_SECONDS, wait_until
from tests.pages import ROOT, all_blocks

SHOWN_URL = "http://127.0.0.1:5000"
READY = "API is ready"
pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(600),  # the real work of the guide takes 20 s on an idle machine
]
COLOUR = re.compile(r"\x1b\[[0-9;]*m")
CURSOR = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|\r")


class Reader:
    """Somebody who follows the guide: types its commands, saves its programs, compares outputs."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._port = free_port()
        self._url = f"http://127.0.0.1:{self._port}"
        self._run = CommandLine(self._url, folder)
        self._service: ServiceProcess | None = None
        self._activated = ""
        self._output = ""
        self.compared = 0

    def save(self, program: str) -> None:
        name = re.match(r"# (\w+\.py)\n", program)
        assert name, "the first line of a program names its file"
        (self._folder / name[1]).write_text(program.replace(SHOWN_URL, self._url))

    def type(self, command: str) -> None:
        if command.rstrip().endswith("make run"):
            self._output = self._start(command)
            return
        self._activated += "".join(re.findall(r"^source .*\n", command))
        script = f"{self._activated}{command}"
        done = self._run.program_on_terminal("bash", "-ec", script, answer=lambda _: None)
        shown = CURSOR.sub("\n", COLOUR.sub("", done.stdout))
        self._output = shown.replace(self._url, SHOWN_URL)
        refused = re.search("^Error: ", self._output, re.MULTILINE)
        assert done.code == (1 if refused else 0), done.stdout

    def compare(self, text: str) -> None:
        """Each line of the guide is a line of the output, in this order; … stands for anything."""
        rest = self._output.splitlines()
        for line in text.splitlines():
            pattern = re.compile(re.escape(line).replace("…", ".*"))
            found = next((at for at, each in enumerate(rest) if pattern.fullmatch(each)), None)
            assert found is not None, f"{line!r} is not in {self._output}"
            rest = rest[found + 1 :]
        self.compared += 1

    def _start(self, command: str) -> str:
        self.stop()
        self._service = MakeRun(command, self._folder / "log", http_port=self._port)
        self._service.start()
        output = self._service
        wait_until(lambda: READY in output.output, START_SECONDS)
        return output.output.replace(self._url, SHOWN_URL)

    def stop(self) -> None:
        """Press Ctrl-C in the terminal of the service."""
        if self._service is not None:
            os.killpg(self._service.pid, signal.SIGINT)
            self._service.process.wait(PATIENCE)
            self._service.__exit__()
            print(self._service.output)  # pytest shows it if the test fails
            self._service.log.unlink()
            self._service = None


class MakeRun(ServiceProcess):
    """The service, started by a command of the guide."""

    def __init__(self, command: str, log: Path, **settings: object) -> None:
        super().__init__("local", log, **settings)
        self._arguments = ["bash", "-c", command]


@pytest.fixture
def clone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Go into a folder like that of a clone, in which `make run` has set itself up."""
    ready = subprocess.run(["make", "--question", ".venv/run-ready"], cwd=ROOT, check=False)
    if ready.returncode:
        message = "The virtual environment .venv is missing or older than its locks: make unit"
        pytest.fail(message) if os.environ.get("CI") == "true" else pytest.skip(message)
    folder = tmp_path / "clone"
    folder.mkdir()
    for each in ROOT.iterdir():
        if each.name not in (".data", ".git"):
            (folder / each.name).symlink_to(each)
    monkeypatch.chdir(folder)
    return folder


def test_the_guide_can_be_followed_to_its_end(clone: Path) -> None:
    reader = Reader(clone)
    follow = {"sh": reader.type, "python": reader.save, "text": reader.compare}
    try:
        for language, content in all_blocks("docs/guide.md"):
            follow[language](content)
    finally:
        reader.stop()

    assert reader.compared > 5
