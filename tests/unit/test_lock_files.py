"""Each lock file has every dependency of the project, so that no installation lacks one."""

import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
LOCKS = {
    "requirements.lock": [],
    "requirements-local.lock": ["local"],
    "requirements-otel.lock": ["otel"],
    "requirements-dev.lock": ["local", "otel", "dev"],
}


@pytest.mark.parametrize("name", LOCKS)
def test_a_lock_file_has_each_dependency(name: str) -> None:
    extras = (PROJECT["optional-dependencies"][extra] for extra in LOCKS[name])
    wanted = {name_of(each) for group in (PROJECT["dependencies"], *extras) for each in group}
    locked = re.findall(r"^([\w.-]+)==", (ROOT / name).read_text(), re.MULTILINE)

    assert wanted - {name_of(each) for each in locked} - {"task-manager-client"} == set()


def test_no_lock_file_is_forgotten() -> None:
    assert {path.name for path in ROOT.glob("*.lock")} == LOCKS.keys()


def name_of(requirement: str) -> str:
    """Return the normal name, without the extras and the versions (PEP 503)."""
    return re.sub(r"[-_.]+", "-", re.split(r"[\[<>=!~; ]", requirement)[0]).lower()
