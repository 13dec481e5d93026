"""The rule of docs/operations.md allows what scripts and adapters send to Redis, and no more."""

import re
from pathlib import Path

from redis.commands import CoreCommands

ROOT = Path(__file__).parents[3]
ADAPTERS = ROOT / "src" / "adapters"
OF_CONNECTIONS = {"select", "client|setinfo"}
OF_RUNNERS = {"eval", "evalsha", "script|load"}
OF_KOMBU = {"brpop", "multi", "exec"}
FOR_UNIX_SOCKETS = {"config|get"}
"""The disk of a server on this host is measured."""
METHODS = {name for name in dir(CoreCommands) if not name.startswith("_")}
"""Names of redis-py's commands, such as zrange and xinfo_stream."""
OTHER_NAMES = {"delete": "del"}


def allowed() -> set[str]:
    page = (ROOT / "docs" / "operations.md").read_text()
    [rule] = re.findall(r"^user tasks .*$", page, re.MULTILINE)
    return {word[1:] for word in rule.split() if word.startswith("+")}


def sent() -> set[str]:
    found: set[str] = set()
    for script in (ADAPTERS / "redis" / "scripts").glob("*.lua"):
        text = script.read_text()
        found |= set(re.findall(r"call\('([A-Z]+)'", text))
        found |= set(re.findall(r"\w = '([A-Z]+)'", text))  # a table of commands
    for module in (*(ADAPTERS / "redis").glob("*.py"), *(ADAPTERS / "celery").glob("*.py")):
        text = module.read_text()
        found |= set(re.findall(r"packed\(\s*\"([A-Z]+)\"", text))
        lines = "\n".join(re.findall(r".*\b(?:client|pipeline)\b.*", text))
        methods = METHODS & set(re.findall(r"[\w)]\.([a-z_]+)\(", lines))
        found |= {OTHER_NAMES.get(name, name) for name in methods}
    return {name.lower().replace("_", "|") for name in found}


def test_the_rule_allows_exactly_what_is_sent() -> None:
    expected = sent() | OF_CONNECTIONS | OF_RUNNERS | OF_KOMBU

    assert expected - allowed() - FOR_UNIX_SOCKETS == set()
    assert allowed() - expected == set()
