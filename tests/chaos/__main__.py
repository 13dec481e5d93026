"""The table of faults: `python -m tests.chaos`, and random faults for a while: `python -m
tests.chaos soak`.
"""

import argparse
import importlib
import sys
import tempfile
import time
import traceback
from pathlib import Path

from tests.chaos.row import ROWS, Outcome, Row, Run

FAMILIES = (
    "process_rows",
    "store_rows",
    "network_rows",
    "load_rows",
    "callback_rows",
    "celery_rows",
    "maintenance_rows",
    "handler_rows",
    "stopped_rows",
    "request_rows",
    "connection_rows",
    "memory_rows",
    "disk_rows",
    "failover_rows",
    "access_rows",
    "scaling_rows",
    "schedule_rows",
)


def main() -> int:
    for family in FAMILIES:
        importlib.import_module(f"tests.chaos.{family}")
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    parser.add_argument("--rows", help="only these, separated by commas: F-02,F-03")
    parser.add_argument(
        "--quick",
        action="store_true",
        help="a fifth of the repetitions, and without F-04c and F-08",
    )
    parser.add_argument("--list", action="store_true", help="only list the rows")
    parser.add_argument(
        "--keep", type=Path, help="a new folder for logs and journals, which stay there"
    )
    commands = parser.add_subparsers(dest="command", metavar="soak")
    soak_options = commands.add_parser("soak", help="random faults while tasks flow")
    soak_options.add_argument("--minutes", type=float, default=10)
    soak_options.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    if options.list:
        say("\n".join(f"{each.id:6} {each.fault}" for each in in_order()))
        return 0
    with tempfile.TemporaryDirectory(prefix="chaos-") as folder:
        directory = options.keep or Path(folder)
        if options.command == "soak":
            soak = importlib.import_module("tests.chaos.soak")
            row = Row(
                id="soak", fault=f"random faults, seed {options.seed}", measure=soak.soak(options)
            )
            return run_rows([row], directory, quick=False)
        return run_rows(chosen(options.rows, quick=options.quick), directory, quick=options.quick)


def in_order() -> list[Row]:
    return sorted(ROWS, key=lambda row: row.id)


def chosen(names: str | None, *, quick: bool) -> list[Row]:
    """Return the rows of these names.

    F-02 means F-02a, too. Raises SystemExit for an unknown name.
    """
    if names is None:
        return [row for row in in_order() if row.in_quick or not quick]
    wanted = names.split(",")
    unknown = [name for name in wanted if not any(row.id.startswith(name) for row in ROWS)]
    if unknown:
        sys.exit(f"No such rows: {', '.join(unknown)}. See --list.")
    return [row for row in in_order() if row.id.startswith(tuple(wanted))]


def run_rows(rows: list[Row], directory: Path, *, quick: bool) -> int:
    """Measure each row and print its line. Returns the exit code."""
    failed = []
    for row in rows:
        began = time.monotonic()
        try:
            outcome = row.measure(Run(row=row.id, directory=directory, quick=quick))
        except Exception as error:
            traceback.print_exc()
            outcome = Outcome(faults=[f"did not get through: {type(error).__name__}: {error}"])
        say(row.line(outcome, time.monotonic() - began))
        if not outcome.passed:
            failed.append(row.id)
    say(
        f"{len(rows) - len(failed)} of {len(rows)} passed"
        + (f"; failed: {', '.join(failed)}" if failed else "")
    )
    return 1 if failed else 0


def say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
