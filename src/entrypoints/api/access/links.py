"""Read the link to one task that a request shows in place of a key."""

from urllib.parse import urlencode

from flask import request
from werkzeug.exceptions import NotFound

from application.errors import TaskNotFound
from entrypoints.api.access.credentials import Credentials, Kind
from entrypoints.api.access.needed import LINKED

LINK = "link"
"""The query parameter that has the token of a link."""


def shown_link() -> Credentials | None:
    """Take the link out of the query of the current request; None without one.

    A link counts before a key. What it does not lead to does not exist: Raises TaskNotFound, and
    NotFound where no task is named.
    """
    if f"{LINK}=" not in request.environ.get("QUERY_STRING", ""):
        return None
    tokens = request.args.getlist(LINK)
    if not tokens:
        return None
    task_id = (request.view_args or {}).get("task_id")
    if task_id is None:
        raise NotFound("A link leads to one task, its events and its log, and to nothing else.")
    method = "GET" if request.method == "HEAD" else request.method
    if len(tokens) > 1 or method not in LINKED.get(request.endpoint or "", ()):
        raise TaskNotFound(task_id)
    others = [each for each in request.args.items(multi=True) if each[0] != LINK]
    request.query_string = urlencode(others).encode()
    del request.args  # it is read again from the query
    return Credentials(tokens[0], Kind.LINK, task_id)
