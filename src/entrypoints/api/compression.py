"""Compress responses with gzip for clients that accept it (RFC 9110, section 12.5.3)."""

import zlib
from collections.abc import Iterable, Iterator
from functools import lru_cache, partial

from flask import Flask, Response, g, request
from werkzeug.datastructures import Accept
from werkzeug.http import parse_accept_header

from entrypoints.api.concurrency.cooperation import let_others_run
from entrypoints.api.reading.headers import COMPRESSED

MIN_BYTES = 1_024
"""Shorter bodies are sent as they are: one packet carries them anyway."""
COMPRESSIBLE = {
    "application/json",
    "application/problem+json",
    "text/html",
    "text/css",
    "text/javascript",
    "text/plain",
    "application/openmetrics-text",
}
SLICE_BYTES = 32_768
"""Bytes that are compressed before other requests have their turn: about a millisecond."""
LEVEL, LEVEL_OF_LONG = 6, 1
LONG_BYTES = 262_144
"""A longer body is compressed with the lowest level, which takes a third of the time."""
GZIP_FORMAT = 31
"""The largest window, with the header of gzip."""
SUFFIX = f'{COMPRESSED}"'
MAX_KEPT_BYTES = 256
MAX_HELD_BYTES = 16 * 1024 * 1024
"""Limit on the memory of the bodies that a process compresses at the same time."""
COMPRESSOR_BYTES = 262_144
"""Memory of one compressor."""
STREAMED_BYTES = 1_310_720
"""Estimate for a body that is sent while it is made: a part of it, such as one task."""


class _HeldBytes:
    """Counts the memory that the compression of responses takes.

    A body is in memory until others had their turns and it is compressed. A plain one is sent at
    once, so that thousands of requests for large tasks hold few of them at the same time.
    """

    def __init__(self) -> None:
        self._bytes = 0

    def take(self, size: int) -> bool:
        """Count the compression of so many bytes. Return False when there is no room for it."""
        if self._bytes + size + COMPRESSOR_BYTES > MAX_HELD_BYTES:
            return False
        self._bytes += size + COMPRESSOR_BYTES
        return True

    def give_back(self, size: int) -> None:
        self._bytes -= size + COMPRESSOR_BYTES


_held = _HeldBytes()


def compress_responses(app: Flask) -> None:
    """Compress each response of more than MIN_BYTES that is no stream of events.

    While the compression of others takes MAX_HELD_BYTES, responses are sent as they are.

    The ETag of a compressed response ends with `-gzip`. If-None-Match and If-Match take both forms.
    """
    app.after_request(_compress)


def restore_tags() -> None:
    """Let a view compare If-None-Match with the tag of a file, which has no other form."""
    tags = request.environ.get("HTTP_IF_NONE_MATCH", "")
    if SUFFIX in tags:
        g.has_compressed = True
        request.environ["HTTP_IF_NONE_MATCH"] = tags.replace(SUFFIX, '"')


def _compress(response: Response) -> Response:
    if response.status_code == 304:
        response.headers["Vary"] = "Accept-Encoding"
        if g.get("has_compressed") and wants_gzip():
            _rename_tag(response)
    elif _is_compressible(response):
        response.headers["Vary"] = "Accept-Encoding"
        if wants_gzip():
            _replace_body(response)
    return response


def _is_compressible(response: Response) -> bool:
    if response.mimetype not in COMPRESSIBLE or "Content-Encoding" in response.headers:
        return False
    if response.status_code in {204, 206}:
        return False
    length = response.content_length  # unknown of a body that is sent while it is made
    return length is None or length > MIN_BYTES


def wants_gzip() -> bool:
    """Return whether the client of this request accepts gzip, and likes it no less than plain."""
    given: str = request.environ.get("HTTP_ACCEPT_ENCODING", "")
    if not given:
        return False
    return _known_wish(given) if len(given) <= MAX_KEPT_BYTES else _prefers_gzip(given)


def _prefers_gzip(accept_encoding: str) -> bool:
    """Return whether the client takes gzip, and likes it no less than a plain body."""
    accepted = parse_accept_header(accept_encoding, Accept)
    return accepted["gzip"] > 0 and accepted["gzip"] >= accepted["identity"]


_known_wish = lru_cache(64)(_prefers_gzip)


def _replace_body(response: Response) -> None:
    """Compress the body if there is room for it."""
    is_whole = response.is_sequence
    size = len(response.get_data()) if is_whole else STREAMED_BYTES
    if not _held.take(size):
        return
    response.headers["Content-Encoding"] = "gzip"
    response.headers.pop("Accept-Ranges", None)
    _rename_tag(response)
    if is_whole:
        try:
            _compress_whole(response)
        finally:
            _held.give_back(size)
        return
    response.call_on_close(partial(_held.give_back, size))
    parts = response.iter_encoded()
    if close := getattr(response.response, "close", None):
        response.call_on_close(close)
    response.headers.pop("Content-Length", None)
    response.direct_passthrough = False
    response.response = _compressed(parts, LEVEL_OF_LONG)


def _compress_whole(response: Response) -> None:
    body = response.get_data()
    level = LEVEL if len(body) <= LONG_BYTES else LEVEL_OF_LONG
    response.set_data(b"".join(_compressed([body], level)))


def _compressed(parts: Iterable[bytes], level: int) -> Iterator[bytes]:
    """Yield the compressed body. Other requests may run after each slice."""
    compressor = zlib.compressobj(level, wbits=GZIP_FORMAT)
    for part in parts:
        view = memoryview(part)
        for at in range(0, len(view), SLICE_BYTES):
            let_others_run()
            if compressed := compressor.compress(view[at : at + SLICE_BYTES]):
                yield compressed
    yield compressor.flush()


def _rename_tag(response: Response) -> None:
    tag = response.headers.get("ETag", "")
    if tag.endswith('"') and not tag.endswith(SUFFIX):
        response.headers["ETag"] = tag[:-1] + SUFFIX
