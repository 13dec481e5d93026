"""Read the headers of requests, and make those of responses."""

import re
import zlib
from urllib.parse import urlencode
from urllib.request import parse_http_list

from flask import g, request
from werkzeug.exceptions import BadRequest

from application.ports.task_repository import PageRequest
from domain.task import Task

MAX_WAIT_SECONDS = 60
"""Limit on the seconds for which one request waits for its task to become final."""
BARE_KEY = re.compile(r"[\x20-\x7e]{1,255}")
QUOTED_KEY = re.compile(r'"((?:[\x20\x21\x23-\x5b\x5d-\x7e]|\\["\\]){1,255})"')
ENTITY_TAG = r'(?:W/)?"[\x21\x23-\x7e]*"'
ENTITY_TAGS = re.compile(rf"[ \t]*(?:\*|{ENTITY_TAG}(?:[ \t]*,[ \t]*{ENTITY_TAG})*)[ \t]*")
VERSION = re.compile("[0-9]{1,15}")
LINE_NUMBER = re.compile("[0-9]{1,15}")
SECONDS = re.compile(r'[0-9]{1,9}|"[0-9]{1,9}"')
COMPRESSED = "-gzip"
"""The end of the tag of a compressed response, which is another representation."""
ENTITY_TAGS_PATTERN = f"^{ENTITY_TAGS.pattern}$"

IDEMPOTENCY_KEY = {
    "name": "Idempotency-Key",
    "in": "header",
    "description": "1 to 255 printable characters of your choice, quoted or bare, not all blank, "
    "such as order-4711. A request that is repeated with its key submits nothing twice: the first "
    "response comes again, for at least 24 hours.",
    "schema": {
        "type": "string",
        "pattern": r'^[ \t]*("(?! *")([ !#-\[\]-~]|\\["\\]){1,255}"|[!#-~][ -~]{0,254})[ \t]*$',
    },
}
IF_MATCH = {
    "name": "If-Match",
    "in": "header",
    "description": 'The ETag of the version that you have read, such as "3", or several, '
    "separated by commas. The "
    "response is 412 when the task "
    "has another version by now. An asterisk stands for any version.",
    "schema": {"type": "string", "pattern": ENTITY_TAGS_PATTERN},
}
IF_NONE_MATCH = {
    "name": "If-None-Match",
    "in": "header",
    "description": 'The ETag that you have, such as "3", or several, separated by commas. The '
    "response is 304 when "
    "the task has "
    "not changed since. An asterisk stands for any version.",
    "schema": {"type": "string", "pattern": ENTITY_TAGS_PATTERN},
}
IF_NEW = {
    "name": "If-None-Match",
    "in": "header",
    "description": "An asterisk: the schedule is only created. The response is 412 when there is "
    "one of this name.",
    "schema": {"type": "string", "pattern": r"^[ \t]*\*[ \t]*$"},
}
PREFER = {
    "name": "Prefer",
    "in": "header",
    "description": "wait=10 means the same as the parameter wait (RFC 7240); more than 60 counts "
    "as 60. Other preferences and invalid values are ignored.",
    "schema": {"type": "string"},
}
LAST_EVENT_ID = {
    "name": "Last-Event-ID",
    "in": "header",
    "description": "The id of the last event that you received, such as 1763971200000-0. The "
    "stream continues after it.",
    "schema": {"type": "string", "pattern": r"^([0-9]{1,13}-[0-9]{1,9}(\+[0-9]{1,9})?)?$"},
}


def idempotency_key() -> str | None:
    """Return the Idempotency-Key; None when there is none. Raises BadRequest.

    The key may be quoted as a structured string (RFC 9651) or bare.
    """
    given = request.headers.get("Idempotency-Key")
    if given is None:
        return None
    text = given.strip(" \t")
    quoted = QUOTED_KEY.fullmatch(text)
    if quoted and quoted[1].strip():
        return re.sub(r"\\(.)", r"\1", quoted[1])
    if text.startswith('"') or not BARE_KEY.fullmatch(text):
        raise BadRequest(
            "The Idempotency-Key must be 1 to 255 printable ASCII characters, quoted or bare, and "
            "not blank."
        )
    return text


def wanted_versions() -> frozenset[int] | None:
    """Return the versions that If-Match names; None for any version. Raises BadRequest."""
    _require_tags("If-Match")
    if "If-Match" not in request.headers or request.if_match.star_tag:
        return None
    versions = (
        (tag or "").partition("-")[0] for tag in request.if_match.as_set()
    )  # None stands for ""
    return frozenset(int(version) for version in versions if VERSION.fullmatch(version))


def only_new() -> bool:
    """Return True when If-None-Match is an asterisk. Raises BadRequest for anything else in it."""
    given = request.headers.get("If-None-Match")
    if given is not None and given.strip(" \t") != "*":
        raise BadRequest("If-None-Match must be *: it may only say that the schedule is new.")
    return given is not None


def preferred_wait() -> int | None:
    """Return the seconds of the first wait in Prefer (RFC 7240); None without a valid one."""
    for preference in parse_http_list(request.headers.get("Prefer", "")):
        name, _, value = preference.partition(";")[0].partition("=")
        if name.strip().lower() == "wait":
            seconds = value.strip()
            return (
                min(int(seconds.strip('"')), MAX_WAIT_SECONDS)
                if SECONDS.fullmatch(seconds)
                else None
            )
    return None


def last_event_id() -> tuple[str | None, int]:
    """Return the position in Last-Event-ID, None without one, and the number of the log line behind
    it. Raises BadRequest for a number that no line has.
    """
    position, plus, number = request.headers.get("Last-Event-ID", "").partition("+")
    if plus and not LINE_NUMBER.fullmatch(number):
        raise BadRequest("Last-Event-ID must end with the number of a log line behind its +.")
    return position or None, int(number or 0)


def entity_tag(task: Task, queue_position: int | None = None) -> str:
    """Return the ETag: the version, the place in the queue and a checksum of the progress."""
    parts = [str(task.version)]
    if queue_position is not None:
        parts.append(str(queue_position))
    if task.progress is not None:
        parts.append(f"{zlib.crc32(repr(task.progress).encode()):x}")
    return f'"{"-".join(parts)}"'


def is_known(tag: str) -> bool:
    """Return True when If-None-Match names the tag. Raises BadRequest."""
    _require_tags("If-None-Match")
    if "If-None-Match" not in request.headers:
        return False
    bare = tag.strip('"')
    g.has_compressed = request.if_none_match.contains_weak(f"{bare}{COMPRESSED}")
    return g.has_compressed or request.if_none_match.contains_weak(bare)


def _require_tags(header: str) -> None:
    given = request.headers.get(header)
    if given is not None and not ENTITY_TAGS.fullmatch(given):
        raise BadRequest(
            f'{header} must be * or entity tags in double quotes, such as "3" (RFC 9110).'
        )


def page_links(page_request: PageRequest, total: int | None, next_cursor: str | None) -> str:
    """Return the Link header (RFC 8288) of a list: relative URLs with the same filters."""
    kept = [each for each in request.args.items(multi=True) if each[0] not in {"page", "cursor"}]
    filters = urlencode(kept)
    first = f"{request.path}?{filters}" if filters else request.path
    other = f"{first}{'&' if filters else '?'}"
    links = {"first": first}
    if page_request.after is not None or total is None:
        if next_cursor:
            links["next"] = f"{other}{urlencode({'cursor': next_cursor})}"
    else:
        size = page_request.limit
        page, last = page_request.offset // size + 1, max(-(-total // size), 1)
        if page > 1:
            links["prev"] = f"{other}page={min(page - 1, last)}"
        if page < last:
            links["next"] = f"{other}page={page + 1}"
        links["last"] = f"{other}page={last}"
    return ", ".join(f'<{url}>; rel="{name}"' for name, url in links.items())
