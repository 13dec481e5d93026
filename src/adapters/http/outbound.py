"""Call URLs that callers chose, without reaching networks that only this service can reach.

A name is resolved once, all of its addresses must be public, and the connection goes to the address
that was checked (Microsoft's AntiSSRF). Redirects are not followed. An operator can allow networks
by name. The deadline of a whole call and the limit on its bytes are our own: the timeouts of the
library `requests` count from each read, so a response that drips would never exceed them.
"""

import socket
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import Any
from urllib.parse import urlsplit

import requests
from AntiSSRF import AntiSSRFError, AntiSSRFPolicy, PolicyConfigOptions
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool

CONNECT_SECONDS = 5.0
DEFAULT_PORTS = {"http": 80, "https": 443}
PUBLIC_PORTS = set(DEFAULT_PORTS.values())
"""Other ports may belong to something other than a web server (a rule of Stripe's smokescreen)."""
OPENED_BY = "TASKS_HTTP_ALLOWED_NETWORKS opens other networks, such as 10.1.0.0/16"
ALSO_REFUSED = ["::/96", "::ffff:0:0:0/96"]
"""IPv4-compatible (RFC 4291) and IPv4-translated (RFC 2765) addresses, which AntiSSRF lets pass."""


class AddressRefused(Exception):
    """The URL leads to an address that must not be called. Nothing was sent."""


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


class OutboundHttp:
    """Sends requests to public addresses and to the networks that the operator allows."""

    def __init__(self, allowed_networks: Sequence[str] = ()) -> None:
        """`allowed_networks` are CIDRs that may be called besides public addresses, on any port."""
        self._allowed = [ip_network(network) for network in allowed_networks]
        self._policy = AntiSSRFPolicy(PolicyConfigOptions.EXTERNAL_ONLY_LATEST)
        self._policy.add_denied_addresses(ALSO_REFUSED)
        self._policy.allow_plain_text_http = True
        self._policy.add_xff_header = False
        if allowed_networks:
            self._policy.add_allowed_addresses(list(allowed_networks))

    def send(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str],
        body: bytes,
        seconds: float,
        max_bytes: int,
        allow_public_http: bool = True,
    ) -> HttpResponse:
        """Send one request and return the response with at most `max_bytes` of its body.

        The call takes at most `seconds`, not counting the resolution of the name. Without
        `allow_public_http`, URLs of the scheme http are limited to the allowed networks.
        Raises AddressRefused, and NoResponse when there is no response in time.
        """
        with _Deadline(seconds) as deadline, self._session(deadline, allow_public_http) as session:
            try:
                with session.request(
                    method,
                    url,
                    headers=dict(headers),
                    data=body,
                    allow_redirects=False,
                    stream=True,
                    timeout=(min(CONNECT_SECONDS, seconds), seconds),
                ) as response:
                    content = _read(response, max_bytes + 1)
            except (
                AntiSSRFError,
                requests.exceptions.InvalidURL,
                requests.exceptions.InvalidSchema,
            ) as error:
                raise AddressRefused(f"{error}; {OPENED_BY}") from error
            except (requests.RequestException, OSError, ValueError) as error:
                raise NoResponse(deadline.reason or _reason(error)) from error
            if deadline.reason:
                raise NoResponse(deadline.reason)
        return HttpResponse(
            status=response.status_code,
            headers={name.lower(): value for name, value in response.headers.items()},
            body=content[:max_bytes],
            truncated=len(content) > max_bytes,
        )

    def refusal(self, url: str, *, allow_public_http: bool = True) -> str | None:
        """Return why a call of the URL must fail, None if it may succeed. Resolves no name.

        A name passes if any network is allowed, because it may lead there.
        """
        parts = urlsplit(url)
        try:
            address = ip_address(parts.hostname or "")
        except ValueError:
            if self._allowed:
                return None
        else:
            if self._is_allowed(address):
                return None
            if not address.is_global:
                return f"Must lead to a public address, not {address}; {OPENED_BY}."
        violation = _public_violation(parts.scheme, parts.port, allow_public_http)
        return f"{violation}; {OPENED_BY}." if violation else None

    @contextmanager
    def _session(
        self, deadline: "_Deadline", allow_public_http: bool
    ) -> Iterator[requests.Session]:
        with self._policy.get_antissrf_session() as session:
            session.trust_env = False  # use no proxy or password from the environment
            session.get_redirect_target = lambda _: None  # or it reads a redirect's whole body
            guard: Any = type(session.get_adapter("https://"))

            class Adapter(_Watched, guard):  # type: ignore[misc]  # AntiSSRF has no types
                """Sends the port in the Host header, checks scheme and port of public addresses."""

                watching = deadline

                def build_connection_pool_key_attributes(
                    _,  # noqa: N805 - `self` is the object around this class
                    request: Any,
                    verify: Any,
                    cert: Any = None,
                ) -> Any:
                    host, pool = super().build_connection_pool_key_attributes(request, verify, cert)
                    parts = urlsplit(request.url)
                    request.headers["Host"] = parts.netloc.rpartition("@")[2]
                    self._check_public(host, allow_public_http)
                    return host, pool

            session.mount("http://", Adapter(self._policy))
            session.mount("https://", Adapter(self._policy))
            yield session

    def _check_public(self, host: Mapping[str, Any], allow_public_http: bool) -> None:
        """Raises AntiSSRFError. `host` has the address that will be connected to."""
        if self._is_allowed(ip_address(host["host"])):
            return
        if violation := _public_violation(host["scheme"], host["port"], allow_public_http):
            raise AntiSSRFError(violation)

    def _is_allowed(self, address: IPv4Address | IPv6Address) -> bool:
        return any(address in network for network in self._allowed)


def _public_violation(scheme: str, port: int | None, allow_public_http: bool) -> str | None:
    """Return why a public address must not be called by this scheme and port, None if it may."""
    if scheme == "http" and not allow_public_http:
        return "Must begin with https://"
    if (port or DEFAULT_PORTS[scheme]) not in PUBLIC_PORTS:
        return f"Must name port 443 or 80, not {port}"
    return None


class _Deadline:
    """Shuts down the connections that its block makes when the time is over."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._ends = time.monotonic() + seconds
        self._sockets: list[socket.socket] = []
        self._timer = threading.Timer(seconds, self._end)
        self._timer.daemon = True

    def __enter__(self) -> "_Deadline":
        self._timer.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._timer.cancel()
        for watched in self._sockets:
            watched.close()

    @property
    def reason(self) -> str:
        """Reason why there is no response. Empty before the deadline.

        On a busy machine the timer may be late, and the timeout of a socket come before it.
        """
        over = time.monotonic() >= self._ends
        return f"no response within {self._seconds:g} seconds" if over else ""

    def watch(self, connection: socket.socket) -> None:
        """Shut the connection down at the deadline, by a copy of its descriptor: TLS takes it."""
        self._sockets.append(connection.dup())
        if self.reason:
            self._end()

    def _end(self) -> None:
        for watched in self._sockets:
            with suppress(OSError):
                watched.shutdown(socket.SHUT_RDWR)


class _Watched(HTTPAdapter):
    """Registers each connection with the deadline before the first byte is sent."""

    watching: _Deadline

    def init_poolmanager(self, *arguments: Any, **options: Any) -> None:
        super().init_poolmanager(*arguments, **options)
        watch = self.watching.watch

        class Watched:
            def _new_conn(self) -> socket.socket:
                connection: socket.socket = super()._new_conn()  # type: ignore[misc]
                watch(connection)
                return connection

        class Plain(Watched, HTTPConnection):
            pass

        class Secure(Watched, HTTPSConnection):
            pass

        class PlainPool(HTTPConnectionPool):
            ConnectionCls = Plain

        class SecurePool(HTTPSConnectionPool):
            ConnectionCls = Secure

        self.poolmanager.pool_classes_by_scheme = {"http": PlainPool, "https": SecurePool}


def _read(response: requests.Response, most: int) -> bytes:
    """Return at most that many bytes of the decompressed body. The rest is never read."""
    content = b""
    for chunk in response.iter_content(16_384):
        content += chunk
        if len(content) >= most:
            break
    return content[:most]


def _reason(error: Exception) -> str:
    """Return the innermost cause: without wrappers, and without the URL, which may have secrets."""
    cause: BaseException = error
    while (inner := cause.__cause__ or cause.__context__) is not None:
        cause = inner
    return str(cause) or type(cause).__name__
