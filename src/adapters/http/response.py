"""The response to an outgoing call."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime


class NoResponse(Exception):
    """There was no response. The server may or may not have received the request."""


@dataclass(frozen=True, kw_only=True)
class HttpResponse:
    """The status, headers and the beginning of the body of a response."""

    status: int
    headers: Mapping[str, str]
    """The names are in lower case."""
    body: bytes
    truncated: bool
    """True if the body is longer than `body`."""

    def retry_after(self, now: datetime) -> timedelta:
        """Return the wait that Retry-After asks for (RFC 9110, 10.2.3), 0 to a day."""
        value = self.headers.get("retry-after", "")
        try:
            if value.isascii() and value.isdigit():
                wait = timedelta(seconds=min(int(value[:10]), 86_400))
            else:
                wait = parsedate_to_datetime(value).replace(tzinfo=UTC) - now
        except (ValueError, TypeError, OverflowError):
            return timedelta(0)
        return min(max(wait, timedelta(0)), timedelta(days=1))
