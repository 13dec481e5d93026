"""Puts the end of a run into words: for the task's log, and for the log of the process."""

from datetime import datetime

from domain.status import Status
from domain.task import Task

MAX_CAUSE_LENGTH = 1_000
"""Characters."""


def outcome_word(run: Task, after: Task) -> str:
    """Return what became of the run: a final status, "retrying", "postponed" or "handed_back"."""
    if after.status.is_final:
        return after.status.lower()
    if after.status is Status.SCHEDULED:
        return "postponed" if after.attempt < run.attempt else "retrying"
    return "handed_back"


def failure_line(run: Task, after: Task, now: datetime) -> str:
    """Return the line of the task's log that says why the run failed, or "" if it did not fail.

    Whoever finds a run lost writes that line itself.
    """
    if after.status is Status.FAILED and after.error:
        return f"Attempt {run.attempt} failed: {_cause(after.error.message)}; no attempt follows."
    if outcome_word(run, after) == "retrying" and after.last_error and after.due_at:
        seconds = round(max((after.due_at - now).total_seconds(), 0), 1)
        cause = _cause(after.last_error.message)
        return f"Attempt {run.attempt} failed: {cause}; the next attempt starts in {seconds:g} s."
    return ""


def _cause(message: str) -> str:
    """Return the message as part of a sentence, on one line."""
    text = " ".join(message[:MAX_CAUSE_LENGTH].split())
    return f"{text}…" if len(message) > MAX_CAUSE_LENGTH else text.rstrip(".")
