"""Read the tasks of a batch from NDJSON or CSV."""

import csv
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TextIO

import click

from task_manager_cli.options import merged

NUMBERS = {"duration", "priority", "timeout"}
"""Members whose CSV cells are numbers without `:=`."""
MAX_LINE = 8 * 1024 * 1024
"""Characters of a line. A longer one cannot be a task that the API accepts."""


@dataclass(frozen=True)
class Line:
    """A task, and the number of its line, from 1."""

    number: int
    task: dict[str, Any]


@dataclass(frozen=True)
class BadLine:
    """A line that is no task, why, and its text."""

    number: int
    reason: str
    text: str


class NotJson(Exception):
    """A cell that should be JSON is not."""


@dataclass(frozen=True)
class Mapped:
    """A column, the member of the task that its cells become, and whether they are JSON."""

    column: str
    target: str
    is_json: bool


def read_mapping(texts: Iterable[str]) -> list[Mapped]:
    """Read `column=member` and `column:=member`. Raises click.UsageError."""
    mapping = []
    for text in texts:
        column, separator, target = text.partition("=")
        if not separator or not column.rstrip(":") or not target:
            raise click.UsageError(f"--map {text}: write column=member or column:=member")
        mapping.append(Mapped(column.removesuffix(":"), target, column.endswith(":")))
    return mapping


def read_ndjson(file: TextIO, common: Mapping[str, Any]) -> Iterator[Line | BadLine]:
    """Yield the tasks of a file with one JSON object on each line."""
    for number, text in enumerate(_lines(file), 1):
        if text.strip():
            yield _read_object(number, text, common)


def _lines(file: TextIO) -> Iterator[str]:
    """Yield the lines. Raises ValueError for a long one, before it fills the memory."""
    number = 0
    while text := file.readline(MAX_LINE + 1):
        number += 1
        if len(text) > MAX_LINE:
            raise ValueError(f"line {number} is longer than {MAX_LINE:,} characters")
        yield text


def _read_object(number: int, text: str, common: Mapping[str, Any]) -> Line | BadLine:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError) as error:
        return BadLine(number, f"not JSON: {error}", text)
    if not isinstance(value, dict):
        return BadLine(number, "not a JSON object", text)
    return Line(number, with_common(value, common))


def read_csv(
    file: TextIO, mapping: Sequence[Mapped], common: Mapping[str, Any]
) -> Iterator[Line | BadLine]:
    """Yield the tasks of a CSV file with a header. Raises click.UsageError, or ValueError.

    Without a mapping, the header names the members: task_name, payload.url, labels.team.
    """
    csv.field_size_limit(MAX_LINE)
    rows = csv.reader(_lines(file), strict=True)
    header = next(rows, [])
    mapping = mapping or [Mapped(name, name, is_json=name in NUMBERS) for name in header]
    if missing := {each.column for each in mapping} - set(header):
        names, known = ", ".join(sorted(missing)), ", ".join(header)
        raise click.UsageError(f"the header has no column {names}; it has: {known}")
    places = [(header.index(each.column), each) for each in mapping]
    while True:
        number = rows.line_num + 1
        try:
            row = next(rows, None)
        except csv.Error as error:
            raise ValueError(f"line {number}: {error}") from error
        if row is None:
            return
        if row:
            yield _read_row(number, row, len(header), places, common)


def _read_row(
    number: int,
    row: list[str],
    width: int,
    places: Sequence[tuple[int, Mapped]],
    common: Mapping[str, Any],
) -> Line | BadLine:
    text = json.dumps(row, ensure_ascii=False) + "\n"
    if len(row) != width:
        return BadLine(number, f"it has {len(row)} cells, and the header {width}", text)
    try:
        members = [(each.target, cell(row[place], each)) for place, each in places if row[place]]
        return Line(number, with_common(merged(members), common))
    except NotJson as error:
        return BadLine(number, str(error), text)


def cell(text: str, mapped: Mapped) -> Any:
    """Return the value of a cell. Raises NotJson."""
    if not mapped.is_json:
        return text
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise NotJson(f"column {mapped.column} is not JSON: {text!r}") from error


def with_common(task: dict[str, Any], common: Mapping[str, Any]) -> dict[str, Any]:
    """Return the task with what the options say, where it has nothing of its own."""
    result = {**common, **task}
    if labels := common.get("labels"):
        result["labels"] = {**labels, **(task.get("labels") or {})}
    if "task_name" not in result and isinstance(result.get("type"), str):
        result["task_name"] = result["type"]
    return result
