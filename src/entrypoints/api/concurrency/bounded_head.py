"""Read the head of a request (RFC 9112, section 2.1) at a bounded cost."""

from typing import Any

from gunicorn.http.errors import LimitRequestHeaders
from gunicorn.http.message import Request

from entrypoints.api.concurrency.cooperation import let_others_run

MAX_HEADERS_BYTES = 65_536
"""Limit on all headers of a request together."""


class BoundedRequest(Request):  # type: ignore[misc]  # gunicorn has no types
    """A gunicorn request with a limit on all of its headers together.

    gunicorn allows 100 headers of 8,190 bytes, and copies and searches what has arrived after each
    read. What has arrived of an unfinished head is counted as that of an unfinished body is, and
    others run before more of it is read.
    """

    _arrived = 0
    """Number of bytes of the last read."""

    def read_into(self, unreader: Any, buf: bytearray, stop: bool = False) -> None:
        """Add what arrives to the unfinished part in `buf`. Raises gunicorn's ParseException."""
        _require_few(len(buf))
        if self._arrived:
            unreader.sock.note_received(self._arrived)
            let_others_run()
        before = len(buf)
        super().read_into(unreader, buf, stop)
        self._arrived = len(buf) - before

    def parse_headers(self, data: bytes, from_trailer: bool = False) -> list[tuple[str, str]]:
        _require_few(len(data))
        headers: list[tuple[str, str]] = super().parse_headers(data, from_trailer)
        return headers


def _require_few(size: int) -> None:
    if size > MAX_HEADERS_BYTES:
        raise LimitRequestHeaders(
            f"all headers together have more than {MAX_HEADERS_BYTES:,} bytes"
        )
