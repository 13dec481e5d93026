"""Control characters in text are shown as escapes."""

import io
import json

import pytest

from entrypoints.control_characters import (
    EscapingStream,
    escape_controls,
    escape_line,
    escape_output,
)

UNSAFE = [
    *range(0x09),
    *range(0x0B, 0x20),
    *range(0x7F, 0xA0),
    0x2028,
    0x2029,
    0x202E,
    0x2066,
    0x200F,
    0xFEFF,
    0xD800,
]


@pytest.mark.parametrize("code", UNSAFE)
def test_each_control_character_is_replaced_by_its_json_escape(code: int) -> None:
    escaped = escape_controls(f"a{chr(code)}b")

    assert escaped == f"a\\u{code:04x}b"
    assert json.loads(f'"{escaped}"') == f"a{chr(code)}b"


def test_text_of_any_language_and_layout_stays() -> None:
    text = "naïve\t東京 🏳️‍🌈 שלום\n"

    assert escape_controls(text) == text


def test_a_line_stays_one_line() -> None:
    assert escape_line("a\nb\tc") == "a\\nb\\tc"


def test_a_stream_escapes_whatever_is_printed() -> None:
    shown = io.StringIO()
    stream = EscapingStream(shown)

    print("\x1b[2J", file=stream)
    stream.writelines(["\x9b", "ok"])
    stream.flush()

    assert shown.getvalue() == "\\u001b[2J\n\\u009bok"


@pytest.mark.parametrize("encoding", ["latin-1", "ascii"])
def test_a_character_that_the_terminal_lacks_ends_no_process(
    encoding: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The supervisor of `make run` prints such characters, and would take all services with it."""
    shown = io.BytesIO()
    monkeypatch.setattr("sys.stdout", io.TextIOWrapper(shown, encoding=encoding))
    monkeypatch.setattr("sys.stderr", io.TextIOWrapper(io.BytesIO(), encoding=encoding))
    escape_output()

    print("starting …", flush=True)

    assert shown.getvalue() == b"starting \\u2026\n"
