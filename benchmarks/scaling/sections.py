"""Replace the measured parts of a page, which are between markers."""

import re

MARKERS = "<!-- measured: {name} -->\n{text}\n<!-- end of {name} -->"


class NoMarkers(Exception):
    """The page lacks the markers of a part. The message names the part."""


def marked(name: str, text: str) -> str:
    """Return the text between the markers of its part."""
    return MARKERS.format(name=name, text=f"\n{text.strip()}\n")


def with_section(page: str, name: str, text: str) -> str:
    """Return the page with this text between the markers of the part. Raises NoMarkers."""
    pattern = re.escape(MARKERS.format(name=name, text="\0")).replace("\0", ".*?")
    pattern = pattern.replace("\\\0", ".*?")
    replaced, count = re.subn(pattern, lambda _: marked(name, text), page, flags=re.DOTALL)
    if count != 1:
        raise NoMarkers(f"the page has {count} pairs of markers of {name!r}, not one")
    return replaced
