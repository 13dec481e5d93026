"""What is too deep, too long or too far away is refused with a sentence, without a service."""

from pathlib import Path

import pytest
from command_line import CommandLine
from tests.integration.receiver import Receiver, Response

DEEP = "[" * 50_000


@pytest.fixture
def alone(tmp_path: Path) -> CommandLine:
    return CommandLine("http://127.0.0.1:9", tmp_path)


@pytest.mark.parametrize(
    ("arguments", "stdin", "code", "told"),
    [
        (["submit", "x", "-p", f"a:={DEEP}"], "", 2, "is not JSON"),
        (["submit", "x", "-f", "-"], DEEP, 2, "is not JSON"),
        (["list", "--since", "9999999d"], "", 2, "outside of the years 1 to 9999"),
        (["submit", "x", "--run-at", f"{'9' * 5_000}w"], "", 2, "outside of the years"),
        (["list", "--until", "0001-01-01T00:00:00+10:00"], "", 2, "is no time"),
        (["batch", "--format", "csv", "--map", "a:=payload.a"], f"a\n{DEEP}\n", 1, "line 2"),
        (["batch", "--format", "ndjson"], f"{DEEP}\n", 1, "line 1: not JSON"),
        (["batch", "/dev/zero", "--format", "csv"], "", 1, "line 1 is longer than"),
        (["batch", "/dev/zero"], "", 1, "line 1 is longer than"),
    ],
    ids=lambda value: " ".join(value)[:40] if isinstance(value, list) else "",
)
def test_hostile_input_is_refused(
    alone: CommandLine, arguments: list[str], stdin: str, code: int, told: str
) -> None:
    done = alone(*arguments, stdin=stdin)

    assert done.code == code
    assert told in done.stderr


def test_a_response_that_is_too_deep_is_unexpected(tmp_path: Path) -> None:
    headers = {"Content-Type": "application/json"}
    with Receiver(Response(200, DEEP, headers)) as receiver:
        done = CommandLine(receiver.url, tmp_path)("get", "x")

    assert done.code == 1
    assert "Unexpected response with status 200: the body is not JSON" in done.stderr
