"""What requests say in their headers, and what answers do."""

import re
import zlib
from typing import Any
from urllib.parse import urlencode

from flask import request
from werkzeug.exceptions import BadRequest

from application.ports.task_repository import Window
from domain.task import Task
from entrypoints.api.queries import LONGEST_WAIT_SECONDS

BARE_KEY = re.compile(r"[\x20-\x7e]{1,255}")
QUOTED_KEY = re.compile(r'"((?:[\x20\x21\x23-\x5b\x5d-\x7e]|\\["\\]){1,255})"')
ENTITY_TAG = r'(?:W/)?"[\x21\x23-\x7e]*"'
ENTITY_TAGS = re.compile(rf"[ \t]*(?:\*|{ENTITY_TAG}(?:[ \t]*,[ \t]*{ENTITY_TAG})*)[ \t]*")
VERSION = re.compile("[0-9]{1,15}")
PREFERRED_WAIT = re.compile(r"(?:^|[,;])\s*wait\s*=\s*\"?([0-9]{1,9})\"?\s*(?=$|[,;])", re.IGNORECASE)

IDEMPOTENCY_KEY = {
    "name": "Idempotency-Key",
    "in": "header",
    "description": "1 to 255 printable characters, quoted or bare, not all blank. Repeating a request with its key "
    "submits nothing twice: the first answer comes again, for 24 hours at least.",
    "schema": {
        "type": "string",
        "pattern": r'^[ \t]*("(?! *")([ !#-\[\]-~]|\\["\\]){1,255}"|[!#-~][ -~]{0,254})[ \t]*$',
    },
    "example": "order-4711",
}
IF_MATCH = {
    "name": "If-Match",
    "in": "header",
    "description": "The ETag of the version that you have seen; 412 when the task has another by now.",
    "schema": {"type": "string", "pattern": '^(\\*|"[0-9]{1,15}")$'},
    "example": '"3"',
}
IF_NONE_MATCH = {
    "name": "If-None-Match",
    "in": "header",
    "description": "The ETag that you have; 304 when the task has not changed since.",
    "schema": {"type": "string", "pattern": '^(\\*|"[0-9]{1,15}")$'},
    "example": '"3"',
}
PREFER = {
    "name": "Prefer",
    "in": "header",
    "description": "wait=N as the parameter wait (RFC 7240); more than 60 counts as 60.",
    "schema": {"type": "string", "pattern": "^wait=[0-9]{1,2}$"},
    "example": "wait=10",
}
LAST_EVENT_ID = {
    "name": "Last-Event-ID",
    "in": "header",
    "description": "The id of the last event that you have: the stream goes on behind it.",
    "schema": {"type": "string", "pattern": "^([0-9]{1,13}-[0-9]{1,9})?$"},
    "example": "1763971200000-0",
}


def idempotency_key() -> str | None:
    """Quoted as a structured string (RFC 9651) or bare. Raises BadRequest."""
    given = request.headers.get("Idempotency-Key")
    if given is None:
        return None
    text = given.strip(" \t")
    quoted = QUOTED_KEY.fullmatch(text)
    if quoted and quoted[1].strip():
        return re.sub(r"\\(.)", r"\1", quoted[1])
    if text.startswith('"') or not BARE_KEY.fullmatch(text):
        raise BadRequest(
            "The Idempotency-Key must be 1 to 255 printable ASCII characters, quoted or bare, and not blank."
        )
    return text


def wanted_versions() -> frozenset[int] | None:
    """The versions that If-Match names; None when any will do. Raises BadRequest."""
    _require_tags("If-Match")
    if "If-Match" not in request.headers or request.if_match.star_tag:
        return None
    versions = ((tag or "").partition("-")[0] for tag in request.if_match.as_set())  # None stands for ""
    return frozenset(int(version) for version in versions if VERSION.fullmatch(version))


def preferred_wait() -> int | None:
    """The seconds of Prefer: wait (RFC 7240); what is no number is ignored, as that asks for."""
    found = PREFERRED_WAIT.search(request.headers.get("Prefer", ""))
    return min(int(found[1]), LONGEST_WAIT_SECONDS) if found else None


def last_event_id() -> str | None:
    return request.headers.get("Last-Event-ID") or None


def entity_tag(task: Task, queue_position: int | None = None) -> str:
    """The version, and what else of an answer changes: the place in the queue and the progress."""
    parts = [str(task.version)]
    if queue_position is not None:
        parts.append(str(queue_position))
    if task.progress is not None:
        parts.append(f"{zlib.crc32(repr(task.progress).encode()):x}")
    return f'"{"-".join(parts)}"'


def is_known(tag: str) -> bool:
    """True when If-None-Match names the tag. Raises BadRequest."""
    _require_tags("If-None-Match")
    return "If-None-Match" in request.headers and request.if_none_match.contains_weak(tag.strip('"'))


def _require_tags(header: str) -> None:
    given = request.headers.get(header)
    if given is not None and not ENTITY_TAGS.fullmatch(given):
        raise BadRequest(f'{header} must be * or entity tags in double quotes, such as "3" (RFC 9110).')


def page_links(window: Window, total: int | None, next_cursor: str | None) -> str:
    """The Link header (RFC 8288) of a list: relative URLs with the same filters."""
    size = window.limit
    links = {"first": _with()}
    if window.after is not None or total is None:
        links["next"] = _with(cursor=next_cursor) if next_cursor else ""
    else:
        page, last = window.offset // size + 1, max(-(-total // size), 1)
        links["prev"] = _with(page=min(page - 1, last)) if page > 1 else ""
        links["next"] = _with(page=page + 1) if page < last else ""
        links["last"] = _with(page=last)
    return ", ".join(f'<{url}>; rel="{name}"' for name, url in links.items() if url)


def _with(**changes: Any) -> str:
    """This URL, on another page."""
    kept = {name: value for name, value in request.args.items() if name not in {"page", "cursor"}}
    query = urlencode({**kept, **changes})
    return f"{request.path}?{query}" if query else request.path
