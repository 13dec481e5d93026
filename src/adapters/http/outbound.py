"""The one way out: HTTP calls to addresses that callers chose, which must not reach what only we can reach.

Names are resolved once, all answers must be public, and the connection goes to the address that was looked at
(Microsoft's AntiSSRF); redirects are not followed. The network that an operator means is opened by name. A deadline
for all of it and a limit of bytes are ours: timeouts of requests are per read, so a slow drip would never meet them.
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
"""Elsewhere a request might speak to something that is no web server (as Stripe's smokescreen has it)."""
OPENED_BY = "TASKS_HTTP_ALLOWED_NETWORKS opens other networks, such as 10.1.0.0/16"
ALSO_REFUSED = ["::/96", "::ffff:0:0:0/96"]
"""Two more ways to write an IPv4 address: IPv4-compatible (RFC 4291) and IPv4-translated (RFC 2765)."""


class AddressRefused(Exception):
    """The URL leads to where calls must not go; nothing was sent."""


class NoResponse(Exception):
    """There was no answer: whether the request was received is not known."""


@dataclass(frozen=True, kw_only=True)
class HttpResponse:
    status: int
    headers: Mapping[str, str]
    """By their names in lower case."""
    body: bytes
    truncated: bool
    """The body goes on."""

    def retry_after(self, now: datetime) -> timedelta:
        """By a Retry-After header (RFC 9110, 10.2.3), a day at most."""
        asked = self.headers.get("retry-after", "")
        try:
            if asked.isascii() and asked.isdigit():
                wait = timedelta(seconds=min(int(asked[:10]), 86_400))
            else:
                wait = parsedate_to_datetime(asked).replace(tzinfo=UTC) - now
        except (ValueError, TypeError, OverflowError):
            return timedelta(0)
        return min(max(wait, timedelta(0)), timedelta(days=1))


class OutboundHttp:
    def __init__(self, allowed_networks: Sequence[str] = ()) -> None:
        """`allowed_networks`: CIDRs that may be reached besides public addresses, on any port."""
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
        """One request, all of it within so many seconds; only resolving the name may take longer.

        Raises AddressRefused, and NoResponse when there is no answer in time. Without `allow_public_http`, http: is for
        the allowed networks alone.
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
            except (AntiSSRFError, requests.exceptions.InvalidURL, requests.exceptions.InvalidSchema) as error:
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
        """Why a call could never be made, as far as the URL says so itself; a name may lead to what was opened."""
        parts = urlsplit(url)
        try:
            address = ip_address(parts.hostname or "")
        except ValueError:
            if self._allowed:
                return None
        else:
            if self._is_opened(address):
                return None
            if not address.is_global:
                return f"Must lead to a public address, not {address}; {OPENED_BY}."
        if parts.scheme == "http" and not allow_public_http:
            return f"Must begin with https://; {OPENED_BY}."
        if (parts.port or DEFAULT_PORTS[parts.scheme]) not in PUBLIC_PORTS:
            return f"Must name port 443 or 80, not {parts.port}; {OPENED_BY}."
        return None

    @contextmanager
    def _session(self, deadline: "_Deadline", allow_public_http: bool) -> Iterator[requests.Session]:
        with self._policy.get_antissrf_session() as session:
            session.trust_env = False  # no proxy and no password of this process's environment
            session.get_redirect_target = lambda _: None  # else requests reads all of a redirect's body
            guard: Any = type(session.get_adapter("https://"))

            class Adapter(_Watched, guard):  # type: ignore[misc]  # AntiSSRF has no types
                """Names the port to the server, too, and looks at the port and the scheme of public addresses."""

                watching = deadline

                def build_connection_pool_key_attributes(_, request: Any, verify: Any, cert: Any = None) -> Any:  # noqa: N805
                    host, pool = super().build_connection_pool_key_attributes(request, verify, cert)
                    parts = urlsplit(request.url)
                    request.headers["Host"] = parts.netloc.rpartition("@")[2]
                    self._require_public_port(host, allow_public_http)
                    return host, pool

            session.mount("http://", Adapter(self._policy))
            session.mount("https://", Adapter(self._policy))
            yield session

    def _require_public_port(self, host: Mapping[str, Any], allow_public_http: bool) -> None:
        """Raises AntiSSRFError; `host` has the address that is connected to."""
        if self._is_opened(ip_address(host["host"])):
            return
        port = host["port"] or DEFAULT_PORTS[host["scheme"]]
        if port not in PUBLIC_PORTS:
            raise AntiSSRFError(f"Port {port} is not allowed: outside of the allowed networks, only 80 and 443 are")
        if host["scheme"] == "http" and not allow_public_http:
            raise AntiSSRFError("Only https: is allowed outside of the allowed networks")

    def _is_opened(self, address: IPv4Address | IPv6Address) -> bool:
        return any(address in network for network in self._allowed)


class _Deadline:
    """Ends the connections that are made within its block when the time is over."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._ends = time.monotonic() + seconds
        self._sockets: list[socket.socket] = []
        self._timer = threading.Timer(seconds, self._end)
        self._timer.daemon = True
        self.reason = ""
        """Why there is no answer; empty while there is time."""

    def __enter__(self) -> "_Deadline":
        self._timer.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._timer.cancel()
        for watched in self._sockets:
            watched.close()

    def watch(self, connection: socket.socket) -> None:
        """By a descriptor of our own: TLS takes the socket over."""
        self._sockets.append(connection.dup())
        if self.reason or time.monotonic() > self._ends:
            self._end()

    def _end(self) -> None:
        self.reason = f"no response within {self._seconds:g} seconds"
        for watched in self._sockets:
            with suppress(OSError):
                watched.shutdown(socket.SHUT_RDWR)


class _Watched(HTTPAdapter):
    """Tells the deadline of each connection before the first byte is sent."""

    watching: _Deadline

    def init_poolmanager(self, *arguments: Any, **options: Any) -> None:
        super().init_poolmanager(*arguments, **options)
        watch = self.watching.watch

        class Watched:
            def _new_conn(self) -> socket.socket:
                connection: socket.socket = super()._new_conn()  # type: ignore[misc]  # of the class beside it
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
    """As many bytes as that, unpacked; the rest is never read."""
    content = b""
    for chunk in response.iter_content(16_384):
        content += chunk
        if len(content) >= most:
            break
    return content[:most]


def _reason(error: Exception) -> str:
    """Without the words of three libraries around it, and without the URL, which may hold secrets."""
    cause: BaseException = error
    while (inner := cause.__cause__ or cause.__context__) is not None:
        cause = inner
    return str(cause) or type(cause).__name__
