"""The words that effects.py gives to save.lua are those that the script knows."""

import re
from importlib import resources

SOURCES = resources.files("adapters.redis")
PYTHON = SOURCES.joinpath("effects.py").read_text()
LUA = SOURCES.joinpath("scripts", "save.lua").read_text()
HEAD, BODY = re.split(r"\n(?!--)", LUA, maxsplit=1)


def words_in(pattern: str, text: str) -> set[str]:
    return set(re.findall(pattern, text))


def test_each_word_has_a_method_a_branch_of_the_script_and_a_line_of_its_description() -> None:
    sent = words_in(r'self\._(?:guard|write)\(\s*"(\w+)"', PYTHON)

    assert sent
    assert sent == words_in(r"word == '(\w+)'", BODY)
    assert sent == words_in(r"\n--   (\w+)", HEAD)


def test_each_word_is_sent_by_the_service_and_not_only_by_tests() -> None:
    sent = words_in(r'self\._(?:guard|write)\(\s*"(\w+)"', PYTHON) - {"require_all_absent"}
    sources = [*SOURCES.glob("*.py"), *resources.files("adapters.celery").glob("*.py")]
    used = words_in(r"effects\.(\w+)\(", "\n".join(source.read_text() for source in sources))

    assert sent <= used
