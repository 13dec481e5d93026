"""Headers, timeouts and errors of the connection, which both clients share."""

import uuid
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

import httpx2

from task_manager_client.calls import Call, Response
from task_manager_client.errors import ServiceUnreachable, UnexpectedResponse
from task_manager_client.streams import READ_TIMEOUT

DEFAULT_URL = "http://127.0.0.1:5000"
__version__ = "0.1.0"
USER_AGENT = f"task-manager-client/{__version__}"
NOT_SENT = (
    httpx2.ConnectError,
    httpx2.ConnectTimeout,
    httpx2.PoolTimeout,
    httpx2.ProxyError,
    httpx2.UnsupportedProtocol,
)
POLL_SECONDS = 30
"""Seconds for which one request of a wait is held; proxies often allow 60."""


class Requests:
    """Makes the arguments of requests for calls."""

    def __init__(self, url: str, token: str | None, timeout: float) -> None:
        """Raises ValueError for a URL that is not http or https."""
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError(f"{url!r} is not a URL like {DEFAULT_URL}")
        self.url = url.rstrip("/")
        self._timeout = timeout
        self._headers = {"User-Agent": USER_AGENT, "Accept": "application/json"}
        if token:
            self._headers["Authorization"] = f"Bearer {token}"

    def url_of(self, call: Call[Any]) -> str:
        """Return the URL of the call."""
        return self.url + call.target

    def headers(self, call: Call[Any], request_id: str) -> dict[str, str]:
        """Return the headers of the call. Repetitions of a call have the same request id."""
        return {**self._headers, **call.headers, "X-Request-ID": request_id}

    def timeout(self, call: Call[Any]) -> httpx2.Timeout:
        """Return the timeouts of a call that the service may hold for `call.wait` seconds."""
        return httpx2.Timeout(self._timeout, read=self._timeout + call.wait)

    def stream_timeout(self) -> httpx2.Timeout:
        """Return the timeouts of a stream."""
        return httpx2.Timeout(self._timeout, read=READ_TIMEOUT)

    def unreachable(self, error: Exception) -> ServiceUnreachable:
        """Return the error for one of the connection."""
        reason = str(error) or type(error).__name__
        timed_out = isinstance(error, httpx2.TimeoutException)
        if timed_out:
            reason = f"no response in time ({type(error).__name__})"
        sent = not isinstance(error, NOT_SENT)
        return ServiceUnreachable(self.url, reason, sent=sent, timed_out=timed_out)


def new_request_id() -> str:
    """Return an id that is in the service's log and in its errors."""
    return uuid.uuid4().hex


def new_idempotency_key() -> str:
    """Return a key that no other request has."""
    return str(uuid.uuid4())


def received(response: httpx2.Response) -> Response:
    """Return the response, whose body has been read."""
    return Response(response.status_code, _lower(response.headers), response.content)


def require_stream(response: httpx2.Response) -> None:
    """Raise UnexpectedResponse if the response is not an event stream."""
    content_type = response.headers.get("content-type", "").partition(";")[0].strip().lower()
    if content_type != "text/event-stream":
        raise UnexpectedResponse(response.status_code, f"its type is {content_type or 'missing'}")


def poll_seconds(remaining: float | None) -> int:
    """Return for how many seconds the next request of a wait is held."""
    return POLL_SECONDS if remaining is None else int(min(POLL_SECONDS, max(0.0, remaining)))


def _lower(headers: Mapping[str, str]) -> dict[str, str]:
    return {name.lower(): value for name, value in headers.items()}
