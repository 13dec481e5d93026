"""Options that several commands share, and the texts that they accept."""

import json
import re
import sys
import time
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

import click

STATUSES = ["SCHEDULED", "QUEUED", "PROCESSING", "COMPLETED", "FAILED", "CANCELLED", "EXPIRED"]
UNITS = {"s": 1, "m": 60, "h": 3_600, "d": 86_400, "w": 604_800}
MEMBER = re.compile(r"(?P<name>[^=:]+)(?P<kind>:?=)(?P<value>.*)", re.DOTALL)


class Ago(click.ParamType[Any]):
    """A time: RFC 3339, or how long ago (`past`) or ahead it is, such as 30m, 2h or 7d."""

    name = "time"

    def __init__(self, *, past: bool) -> None:
        self._past = past

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        if isinstance(value, datetime):
            return value
        if match := re.fullmatch(r"\+?(\d+)([smhdw])", value):
            return self._moved(match[1], UNITS[match[2]], param, ctx)
        try:
            return datetime.fromisoformat(value).astimezone(UTC)
        except (ValueError, OverflowError):
            self.fail(
                f"{value!r} is no time: write 30m, 2h, 7d or 2026-11-24T03:58:35Z", param, ctx
            )

    def _moved(
        self, number: str, unit: int, param: click.Parameter | None, ctx: click.Context | None
    ) -> datetime:
        """Return the time that is so many units ago or ahead."""
        now = datetime.fromtimestamp(time.time(), UTC)
        try:
            distance = timedelta(seconds=int(number) * unit)
            return now - distance if self._past else now + distance
        except (ValueError, OverflowError):
            self.fail("that is outside of the years 1 to 9999", param, ctx)


class Label(click.ParamType[Any]):
    """A label: key=value."""

    name = "key=value"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        if isinstance(value, tuple):
            return value
        key, separator, text = value.partition("=")
        if not separator or not key:
            self.fail(f"{value!r} is no label: write key=value", param, ctx)
        return key, text


class Member(click.ParamType[Any]):
    """A member: key=text or key:=json."""

    name = "key=value"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        if isinstance(value, tuple):
            return value
        match = MEMBER.fullmatch(value)
        if match is None:
            self.fail(f"{value!r} is neither key=text nor key:=json", param, ctx)
        if match["kind"] == "=":
            return match["name"], match["value"]
        try:
            return match["name"], json.loads(match["value"])
        except (ValueError, RecursionError) as error:
            self.fail(
                f"{match['value']!r} after {match['name']}:= is not JSON: {error}", param, ctx
            )


def filter_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options that filter tasks. `filters_of` makes a filter of them."""
    options = [
        click.option(
            "--status",
            multiple=True,
            type=click.Choice(STATUSES, case_sensitive=False),
            help="Only tasks with this status; may be repeated.",
        ),
        click.option("--type", "type_", metavar="TYPE", help="Only tasks of this type."),
        click.option("--queue", help="Only tasks of this queue."),
        click.option("--label", multiple=True, type=Label(), help="Only with it; may be repeated."),
        click.option(
            "--since", type=Ago(past=True), help="Submitted after: 30m, 2h, 7d or RFC 3339."
        ),
        click.option("--until", type=Ago(past=True), help="Submitted before."),
        click.option("--name", help="Only tasks with exactly this name."),
        click.option("-q", "--search", help="Text in the name, payload, result or error."),
    ]
    for option in reversed(options):
        command = option(command)
    return command


FILTERS = ("status", "type_", "queue", "label", "since", "until", "name", "search")
NAMES = {
    "type_": "type",
    "label": "labels",
    "since": "submitted_after",
    "until": "submitted_before",
    "name": "task_name",
    "search": "q",
}


def filters_of(options: dict[str, Any]) -> Any:
    """Take the filter options out of `options` and return them as a filter."""
    taken = {name: options.pop(name) for name in FILTERS}
    taken["status"], taken["label"] = list(taken["status"]), dict(taken["label"])
    return {NAMES.get(name, name): value for name, value in taken.items() if value}


def read_ids(ids: Iterable[str]) -> list[str]:
    """Return the ids. `-` stands for those on stdin, separated by white space."""
    found: list[str] = []
    for each in ids:
        found += sys.stdin.read().split() if each == "-" else [each]
    return list(dict.fromkeys(found))


def merged(members: Iterable[tuple[str, Any]]) -> dict[str, Any]:
    """Return the members as an object: `a.b=1` is the member b of the object a."""
    result: dict[str, Any] = {}
    for name, value in members:
        *path, last = name.split(".")
        target = result
        for part in path:
            target = target.setdefault(part, {})
            if not isinstance(target, dict):
                raise click.UsageError(f"{name}: {part} is not an object")
        target[last] = value
    return result
