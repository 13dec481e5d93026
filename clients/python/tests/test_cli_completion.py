"""Shells complete the commands, with the lines of docs/cli.md in their start-up files."""

import os
import re
import shutil
from pathlib import Path

import pytest
from command_line import SCRIPT, CommandLine

PAGE = Path(__file__).parents[3] / "docs" / "cli.md"
PROMPT = "ready> "
STARTUP_FILES = {"bash": ".bashrc", "zsh": ".zshrc", "fish": ".config/fish/config.fish"}
PROMPTS = {"bash": f"PS1='{PROMPT}'", "zsh": f"PROMPT='{PROMPT}'"}
PROMPTS["fish"] = f"function fish_prompt; echo -n '{PROMPT}'; end"


def documented_line(shell: str) -> str:
    """Return the line that the page tells users to put into the start-up file of the shell."""
    _, section = PAGE.read_text().split("## Completion")
    [line] = re.findall(rf"^(.*completion {shell}\b.*?) *# in ~/(\S+)$", section, re.MULTILINE)
    assert line[1] == STARTUP_FILES[shell]
    return str(line[0])


@pytest.fixture(params=STARTUP_FILES)
def shell(request: pytest.FixtureRequest) -> str:
    """Return the name of a shell that is installed. Without it, skip, or fail in CI."""
    name: str = request.param
    if shutil.which(name) is None:
        reason = f"{name} is not installed: apt-get install {name}"
        pytest.fail(reason) if os.environ.get("CI") == "true" else pytest.skip(reason)
    return name


def test_a_shell_completes_a_command_and_an_option(shell: str, tmp_path: Path) -> None:
    run = CommandLine(None, tmp_path)
    file = tmp_path / STARTUP_FILES[shell]
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(f"{PROMPTS[shell]}\n{documented_line(shell)}\n")
    typed = ["task-manager dele\t--dry\t--help\r", "exit\r"]

    def answer(output: str) -> str | None:
        ready = output.count(PROMPT) and (len(typed) == 2 or "Example" in output)
        return typed.pop(0) if typed and ready else None

    path = f"{SCRIPT.parent}:{run.environment['PATH']}"
    done = run.program_on_terminal(shell, "-i", answer=answer, PATH=path, SHELL=shell)

    assert re.search(r"Usage: task-manager delete\b", done.stdout), done.stdout
    assert "--dry-run" in done.stdout.partition("Usage:")[0]
