"""The pages name only files, tests and sections that exist."""

import re
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGES = [
    ROOT / "README.md",
    ROOT / "CONTRIBUTING.md",
    ROOT / "clients" / "python" / "README.md",
    *sorted(path for path in (ROOT / "docs").rglob("*.md") if path.name != "problems.md"),
]
TESTS = [ROOT / "tests", ROOT / "clients" / "python" / "tests"]
MADE_LATER = "deploy/secrets"
"""Folder of files that the service or its operator writes. Git ignores it."""
ROOMS = "adapters|application|domain|entrypoints"
PATH = re.compile(
    r"(?<![\w./-])(?:(?:src|tests|deploy|benchmarks|examples|docs|clients)/[\w./-]*\w/?"
    rf"|(?!application/json)(?:{ROOMS})/[\w./-]*\w/?)"
)
TEST = re.compile(r"`(test_\w+|Test\w+|\w+Contract)`")
TEST_FILE = re.compile(r"(?<![\w/])test_\w+\.py")
PAGE = re.compile(r"docs/(?:decisions/\d{4}[\w-]*|[\w-]+\.(?:md|json))")
LINK = re.compile(r"\]\(([^)\s]+)\)")
PICTURE = re.compile(
    r'<source media="\(prefers-color-scheme: dark\)" srcset="(\S+)-dark\.png">\s+'
    r'<img alt="[^"]+" src="(\S+)-light\.png">'
)


@cache
def definitions() -> set[str]:
    files = [path for folder in TESTS for path in folder.rglob("*.py")]
    return {name for file in files for name in re.findall(r"(?:def|class) (\w+)", file.read_text())}


def section_anchors(page: Path) -> set[str]:
    headings = re.findall(r"^#+ (.+)$", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.fixture(params=PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def page(request: pytest.FixtureRequest) -> Path:
    path: Path = request.param
    return path


def test_every_path_in_a_page_exists(page: Path) -> None:
    paths = {path for path in PATH.findall(page.read_text()) if not path.startswith(MADE_LATER)}

    missing = {
        path for path in paths if not any((root / path).exists() for root in (ROOT, ROOT / "src"))
    }
    assert not missing


def test_every_test_that_a_page_names_exists(page: Path) -> None:
    text = page.read_text()
    files = {path.name for folder in TESTS for path in folder.rglob("test_*.py")}

    assert set(TEST_FILE.findall(text)) <= files
    assert set(TEST.findall(text)) <= definitions()


def test_every_link_leads_to_a_page_and_a_section(page: Path) -> None:
    for link in LINK.findall(page.read_text()):
        if link.startswith(("https:", "http:")):
            continue
        path, _, anchor = link.partition("#")
        target = (page.parent / path) if path else page
        assert target.exists(), link
        if anchor:
            assert anchor in section_anchors(target), link


def test_every_picture_exists_in_light_and_dark(page: Path) -> None:
    pictures = PICTURE.findall(page.read_text())

    assert len(pictures) == page.read_text().count("<picture>")
    for dark, light in pictures:
        assert dark == light
        for theme in ("light", "dark"):
            assert (page.parent / f"{dark}-{theme}.png").exists()


def test_the_readme_shows_the_dashboard_before_its_first_section() -> None:
    first_screen, _, _ = (ROOT / "README.md").read_text().partition("\n## ")

    assert PICTURE.search(first_screen)


def test_every_page_that_the_code_names_exists() -> None:
    files = [path for folder in ("src", "tests") for path in (ROOT / folder).rglob("*.py")]
    named = {name for path in files for name in PAGE.findall(path.read_text())}

    assert [name for name in named if not list(ROOT.glob(f"{name}*"))] == []
