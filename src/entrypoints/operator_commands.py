"""The commands of operators, which need Redis and no running API."""

import json
import sys
from dataclasses import asdict

import click

from application.finding import Finding, Level, worst
from entrypoints.local_store import with_local_store
from entrypoints.quick_imports import quick_imports
from entrypoints.settings import Settings
from entrypoints.with_settings import with_settings


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object instead of lines.")
def doctor(*, as_json: bool) -> None:
    """Check settings, Redis, processes, queues and the API of this host. Say what to do.

    \b
    Each check is ok, a warning or a failure; it is skipped if it needs what an earlier one found
    to be broken. Exits with 1 after a failure, otherwise with 0. Changes nothing. Without
    TASKS_REDIS_URL it looks at the embedded server of TASKS_DATA_DIR. If TASKS_URL is set, or
    an option comes before the command, the command looks at that service over its API instead.
    Example:
      TASKS_REDIS_URL=redis://127.0.0.1:6379/0 task-manager doctor --json
    """
    with quick_imports():
        from entrypoints.doctor import examine

    findings = []
    for finding in examine():
        findings.append(finding)
        if not as_json:
            click.echo(as_text(finding))
    verdict = worst(findings)
    if as_json:
        members = {"level": verdict, "checks": [asdict(finding) for finding in findings]}
        click.echo(json.dumps(members, ensure_ascii=False, indent=2))
    else:
        click.echo(f"\n{summary(findings)}")
    sys.exit(1 if verdict is Level.FAILURE else 0)


def as_text(finding: Finding) -> str:
    """Return the finding as one line, and its advice as another."""
    text = f"{finding.level:<8} {finding.check:<12} {_line(finding.message)}"
    return f"{text}\n{'':21} → {_line(finding.advice)}" if finding.advice else text


def summary(findings: list[Finding]) -> str:
    levels = [finding.level for finding in findings]
    failures, warnings = levels.count(Level.FAILURE), levels.count(Level.WARNING)
    if not failures and not warnings:
        return "Everything is well."
    return f"{failures} failed, {warnings} with a warning."


def _line(text: str) -> str:
    return " ".join(text.split())


@click.command("export")
@with_settings
def export_command(settings: Settings) -> None:
    """Write every task with all that is stored about it to stdout, beside live traffic.

    \b
    One JSON object on each line: paused queues, tasks (record, attempts, log, callbacks and their
    deliveries), keys of requests, and a last line with the number of tasks. The file is as secret
    as Redis: it has payloads and results. API keys and settings are not in it. Exits with 1 if the
    archive is not complete. Example:
      umask 077; TASKS_REDIS_URL=redis://127.0.0.1:6379/0 task-manager export > tasks.ndjson
    """
    if sys.stdout.isatty():
        raise click.UsageError("Redirect the output: task-manager export > tasks.ndjson")
    with quick_imports():
        from entrypoints.archive import export_tasks

    sys.exit(export_tasks(with_local_store(settings), sys.stdout.buffer))


@click.command("import")
@click.option(
    "--requeue-running",
    is_flag=True,
    help="Queue tasks again that ran at the time of the export. Stop the source's workers first.",
)
@with_settings
def import_command(settings: Settings, *, requeue_running: bool) -> None:
    """Add the tasks of an archive on stdin that the store does not have.

    \b
    Ids, times, versions and states stay. Waiting tasks run here; stop the workers and maintenance
    of the source before, or both run them. Tasks that exist stay as they are, so that the command
    can be repeated. It says which lines it left out and why, and then exits with 1. Example:
      TASKS_REDIS_URL=redis://127.0.0.1:6379/0 task-manager import < tasks.ndjson
    """
    if sys.stdin.isatty():
        raise click.UsageError("Name the archive: task-manager import < tasks.ndjson")
    with quick_imports():
        from entrypoints.archive import import_tasks
        from entrypoints.store_safety import require_safe_store

    local = with_local_store(settings)
    require_safe_store(local)
    sys.exit(import_tasks(local, sys.stdin.buffer, requeue_running=requeue_running))
