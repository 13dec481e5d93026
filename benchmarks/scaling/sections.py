"""Replace the measured parts of a page, which are between markers."""

import re

BEGIN, END = "<!-- measured: {} -->", "<!-- end of {} -->"


class NoMarkers(Exception):
    """The page lacks the markers of a part. The message names the part."""


def marked(name: str, text: str) -> str:
    """Return the text between the markers of its part."""
    return f"{BEGIN.format(name)}\n\n{text.strip()}\n\n{END.format(name)}"


def with_section(page: str, name: str, text: str) -> str:
    """Return the page with this text between the markers of the part. Raises NoMarkers."""
    begin, end = (re.escape(marker.format(name)) for marker in (BEGIN, END))
    section = re.compile(f"{begin}.*?{end}", re.DOTALL)
    replaced, count = section.subn(lambda _: marked(name, text), page)
    if count != 1:
        raise NoMarkers(f"the page has {count} pairs of markers of {name!r}, not one")
    return replaced
