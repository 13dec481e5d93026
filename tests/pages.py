"""Read the examples of README.md and docs/."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[1]


def blocks(page: str, language: str) -> list[str]:
    """Return the contents of the page's code blocks of that language."""
    return [code for each, code in all_blocks(page) if each == language]


def all_blocks(page: str) -> list[tuple[str, str]]:
    """Return the language and the content of each code block of the page, in their order."""
    text = (ROOT / page).read_text()
    return re.findall(r"^```(\w+)\n(.*?)^```", text, re.MULTILINE | re.DOTALL)


def write_modules(page: str, folder: Path) -> None:
    """Write the Python blocks of the page into files. The first line of each names its file."""
    for code in blocks(page, "python"):
        name = re.match(r"# (\w+\.py)\n", code)
        assert name, "the first line of a module names its file"
        (folder / name[1]).write_text(code)
