"""Escape characters that could control a terminal or forge a line of output."""

import re

UNSAFE = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f"  # C0 without tab and newline, DEL, C1
    "\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069"  # marks that change the direction of text
    "\u2028\u2029\ufeff\ud800-\udfff]"  # line separators, byte order mark, lone surrogates
)


def escape_controls(text: str) -> str:
    r"""Escape each character that could control a terminal or forge a line, as in JSON: \u001b.

    Tabs and newlines stay. JSON stays the same document, because it has such characters only in
    strings.
    """
    return UNSAFE.sub(lambda match: f"\\u{ord(match[0]):04x}", text)


def escape_line(text: str) -> str:
    """Escape newlines and tabs as well, for text that must stay on one line."""
    return escape_controls(text).replace("\n", "\\n").replace("\t", "\\t")
