"""Print data: tables on a terminal, tab-separated lines in a pipe, JSON on request."""

import json
import shutil
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import click

from task_manager_cli.escaping import escape_controls, escape_line

COLOURS = {
    "COMPLETED": "green",
    "FAILED": "red",
    "CANCELLED": "yellow",
    "EXPIRED": "yellow",
    "PROCESSING": "cyan",
}
WIDE = 120
FORMS = ("json", "jsonl", "ids")


@dataclass(frozen=True)
class Column:
    """A column: its title, and the cell of a row."""

    title: str
    cell: Callable[[Any], Any]
    whole: bool = False
    """True for ids, times and words that must not be broken into lines."""
    wide: bool = False
    """True for a column that a terminal shows only if it has WIDE characters in a line."""


def output_options(*forms: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Add --json, --jsonl and --ids, or those that are named, as the parameter `form`."""
    texts = {
        "json": "One JSON document, as the API sends it.",
        "jsonl": "One JSON object on each line.",
        "ids": "Ids only, one on each line.",
    }

    def add(command: Callable[..., Any]) -> Callable[..., Any]:
        for form in reversed(forms or FORMS):
            option = click.option(
                f"--{form}", "form", flag_value=form, default=None, help=texts[form]
            )
            command = option(command)
        return command

    return add


def print_rows(
    rows: Iterable[Any], columns: Sequence[Column], form: str | None, *, id_of: str = "task_id"
) -> int:
    """Print the rows, which are models of the client. Returns their number."""
    if form == "json":
        values = [row.raw for row in rows]
        print_json(values)
        return len(values)
    if form is None and sys.stdout.isatty():
        listed = list(rows)
        print_table(listed, columns)
        return len(listed)
    number = 0
    for line in _lines(rows, columns, form, id_of):
        click.echo(line)
        number += 1
    return number


def _lines(
    rows: Iterable[Any], columns: Sequence[Column], form: str | None, id_of: str
) -> Iterator[str]:
    for row in rows:
        if form == "ids":
            yield escape_line(str(getattr(row, id_of)))
        elif form == "jsonl":
            yield to_json(row.raw)
        else:
            yield "\t".join(escape_line(text_of(column.cell(row))) for column in columns)


def print_table(rows: Sequence[Any], columns: Sequence[Column]) -> None:
    """Print a table for a person. Colours are left out with NO_COLOR."""
    from rich.console import Console

    Console(highlight=False).print(table(rows, columns))


def table(rows: Sequence[Any], columns: Sequence[Column]) -> Any:
    """Return a table of rich, without columns that are empty in all rows, or too wide."""
    from rich import box
    from rich.table import Table
    from rich.text import Text

    cells = [[_shown(column.cell(row)) for column in columns] for row in rows]
    is_wide = shutil.get_terminal_size().columns >= WIDE
    used = [
        at
        for at, column in enumerate(columns)
        if (is_wide or not column.wide) and (not rows or any(row[at] for row in cells))
    ]
    made = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False, padding=(0, 1, 0, 0))
    for column in (columns[at] for at in used):
        made.add_column(column.title, overflow="fold", no_wrap=column.whole)
    for row in cells:
        made.add_row(*(Text(row[at], style=COLOURS.get(row[at], "")) for at in used))
    return made


def _shown(value: Any) -> str:
    return escape_line(text_of(value, for_people=True))


def print_line(row: Any, columns: Sequence[Column], form: str | None) -> None:
    """Print one row of those that come one by one, at once. People get no table of them."""
    if form is None and sys.stdout.isatty():
        click.echo("  ".join(_shown(column.cell(row)) for column in columns))
    else:
        print_rows([row], columns, form)
    sys.stdout.flush()


def print_members(members: Mapping[str, Any]) -> None:
    """Print names and values: aligned on a terminal, tab-separated in a pipe."""
    shown = {name: value for name, value in members.items() if value not in (None, "", {}, [])}
    width = max(map(len, shown), default=0) if sys.stdout.isatty() else 0
    for name, value in shown.items():
        text = escape_line(text_of(value, for_people=bool(width)))
        click.echo(f"{name:{width}}  {text}" if width else f"{name}\t{text}")


def print_json(value: Any) -> None:
    """Print a JSON document: indented on a terminal, on one line in a pipe."""
    click.echo(to_json(value, indent=2 if sys.stdout.isatty() else None))


def to_json(value: Any, indent: int | None = None) -> str:
    """Return JSON without characters that control a terminal."""
    separators = None if indent else (",", ":")
    text = json.dumps(value, ensure_ascii=False, indent=indent, separators=separators)
    return escape_controls(text)


def text_of(value: Any, *, for_people: bool = False) -> str:
    """Return the text of a cell.

    Times are local for people, without the date if that is today; otherwise RFC 3339 in UTC.
    """
    if value is None:
        return ""
    if isinstance(value, datetime):
        if for_people:
            local = value.astimezone()
            today = local.date() == datetime.fromtimestamp(time.time()).astimezone().date()
            return f"{local:%H:%M:%S}" if today else f"{local:%Y-%m-%d %H:%M}"
        return value.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.3g}" if for_people else repr(value)
    if isinstance(value, dict | list | tuple):
        return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return str(value)


def watch(draw: Callable[[], Any], interval: float) -> None:
    """Redraw on a terminal every `interval` seconds until Ctrl-C. `draw` returns a renderable."""
    from rich.live import Live

    with Live(draw(), auto_refresh=False, screen=False, transient=False) as live:
        while True:
            time.sleep(interval)
            live.update(draw(), refresh=True)
