"""What one check of an installation found, and what to do about it."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum


class Level(StrEnum):
    OK = "ok"
    WARNING = "warning"
    """Works, and may not for long, or not as wanted."""
    FAILURE = "failure"
    """Tasks do not run, are refused or may be lost."""
    SKIPPED = "skipped"
    """Could not be checked, because an earlier check failed."""


@dataclass(frozen=True, kw_only=True)
class Finding:
    check: str
    """The name of the check, which stays the same between releases."""
    level: Level
    message: str
    """What was found, with the values."""
    advice: str = ""
    """What to do next; empty if there is nothing to do."""


def ok(check: str, message: str) -> Finding:
    return Finding(check=check, level=Level.OK, message=message)


def warning(check: str, message: str, advice: str) -> Finding:
    return Finding(check=check, level=Level.WARNING, message=message, advice=advice)


def failure(check: str, message: str, advice: str) -> Finding:
    return Finding(check=check, level=Level.FAILURE, message=message, advice=advice)


def skipped(check: str, message: str) -> Finding:
    return Finding(check=check, level=Level.SKIPPED, message=message)


def worst(findings: Iterable[Finding]) -> Level:
    """Return the worst level of the findings; skipped checks do not count."""
    found = {finding.level for finding in findings}
    return next((level for level in (Level.FAILURE, Level.WARNING) if level in found), Level.OK)
