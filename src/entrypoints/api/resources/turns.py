"""Let the views that take long or much memory wait for their turn."""

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from functools import wraps

from flask import Response, request

from application.json_values import has_more_values
from application.task_filter import TaskFilter
from entrypoints.api.concurrency.cooperation import let_others_run
from entrypoints.api.concurrency.work_line import MAX_USUAL_VALUES, work_lines
from entrypoints.api.reading.arguments import received_body
from entrypoints.api.use_cases import use_cases

View = Callable[..., Response]


def long_read(view: View) -> View:
    """Let a view that reads and writes hundreds of small things wait for its turn."""

    @wraps(view)
    def waiting(*arguments: object, **segments: object) -> Response:
        with work_lines().long_reads.turn():
            return view(*arguments, **segments)

    return waiting


def large_body(view: View) -> View:
    """Let a request whose body holds thousands of values wait for its turn before it is parsed.

    Goes above `no_query`, as `bulk_action` does: beside a wrong query, that parses the body, too.
    """

    @wraps(view)
    def waiting(*arguments: object, **segments: object) -> Response:
        if not has_more_values(received_body(request), MAX_USUAL_VALUES, let_others_run):
            return view(*arguments, **segments)
        with work_lines().large_bodies.turn():
            return view(*arguments, **segments)

    return waiting


def bulk_action(view: View) -> View:
    """Let an action wait for its turn when its body is here. It is refused before that."""

    @wraps(view)
    def waiting(*arguments: object, **segments: object) -> Response:
        line = work_lines().actions
        line.require_room()
        received_body(request)
        with line.turn():
            return view(*arguments, **segments)

    return waiting


def search_turn(wanted: TaskFilter) -> AbstractContextManager[None]:
    """Return a block for a search. In it, a search that may take long has its turn."""
    wanted = use_cases().callers().current().narrow(wanted)
    if wanted.needs_scan:
        return work_lines().searches.turn()
    return work_lines().combined.turn() if wanted.is_combined else nullcontext()
