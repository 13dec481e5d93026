"""The HTTP client of outgoing calls, on aiohttp: many calls at a time on one event loop.

aiohttp asks a resolver for names, and not for addresses that stand in a URL. So the guard stands in
both places: the resolver refuses a name if any of its addresses is refused, and the socket factory,
which sees each address just before the connection, refuses it there.
"""

import asyncio
import os
import socket
import ssl
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import cache, partial
from typing import Any
from urllib.parse import urlsplit

import aiohttp
import certifi
from aiohttp.abc import AbstractResolver, ResolveResult
from multidict import CIMultiDict
from yarl import URL

from adapters.http.address_rules import OPENED_BY, AddressRefused, AddressRules
from adapters.http.response import HttpResponse, NoResponse

CONNECT_SECONDS = 5.0
KEPT_SECONDS = 1.5
"""A connection that rests longer may be closed by its server just when it is used again."""
MAX_LOOKUPS_AT_ONCE = 16
DEFAULT_HEADERS = {"User-Agent": "task-manager", "Accept": "*/*", "Accept-Encoding": "identity"}
"""Compression saves little of bodies that are read up to 64 KiB, and may hide gigabytes."""


@cache
def _lookups() -> ThreadPoolExecutor:
    """Return the threads in which libc resolves names, those of all clients of this process.

    They are not those of the loop: a run that ends during a lookup leaves no thread of its own, and
    the end of a loop does not wait for a silent name server.
    """
    return ThreadPoolExecutor(MAX_LOOKUPS_AT_ONCE, thread_name_prefix="resolver")


@cache
def _tls() -> ssl.SSLContext:
    """Return the settings of TLS. Loading the authorities takes 10 ms."""
    return ssl.create_default_context(cafile=certifi.where())


class _Resolver(AbstractResolver):
    def __init__(self, require: Callable[[str, int], None]) -> None:
        """`require` raises AddressRefused for an address and port."""
        self._require = require

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        """Return the addresses of a name. Raises AddressRefused if any of them is refused."""
        loop = asyncio.get_running_loop()
        look_up = partial(socket.getaddrinfo, host, port, socket.AF_UNSPEC, socket.SOCK_STREAM)
        infos = await loop.run_in_executor(_lookups(), look_up)
        for *_, where in infos:
            self._require(str(where[0]), port)
        return [
            ResolveResult(
                hostname=host,
                host=str(where[0]),
                port=port,
                family=kind,
                proto=protocol,
                flags=socket.AI_NUMERICHOST,
            )
            for kind, _, protocol, _, where in infos
        ]

    async def close(self) -> None:
        """Keep the threads: they are those of all clients."""


class HttpClient:
    """Belongs to one event loop. Connections are kept, and used again for the same place."""

    def __init__(self, rules: AddressRules) -> None:
        self._rules = rules
        self._sessions: dict[tuple[str, bool], aiohttp.ClientSession] = {}

    async def send(
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

        The call takes at most `seconds`, the resolution of the name included. Without
        `allow_public_http`, URLs of the scheme http are limited to the allowed networks.
        Raises AddressRefused, and NoResponse when there is no response in time.
        """
        scheme = urlsplit(url).scheme.lower()
        if scheme not in ("http", "https"):
            raise AddressRefused(f"Must begin with https:// or http://; {OPENED_BY}")
        try:
            async with self._session(scheme, allow_public_http).request(
                method,
                URL(url, encoded=url.isascii()),
                headers=_headers(headers),
                skip_auto_headers=["Content-Type"],
                data=body or None,
                allow_redirects=False,
                timeout=aiohttp.ClientTimeout(
                    total=seconds, sock_connect=min(CONNECT_SECONDS, seconds), ceil_threshold=3_601
                ),
            ) as response:
                content = await _read(response, max_bytes + 1)
                return HttpResponse(
                    status=response.status,
                    headers=_joined(response),
                    body=content[:max_bytes],
                    truncated=len(content) > max_bytes,
                )
        except (aiohttp.InvalidURL, UnicodeError) as error:
            raise AddressRefused(f"{error}; {OPENED_BY}") from error
        except aiohttp.ConnectionTimeoutError as error:
            raise NoResponse(_late(min(CONNECT_SECONDS, seconds), "no connection")) from error
        except TimeoutError as error:
            raise NoResponse(_late(seconds, "no response")) from error
        except (aiohttp.ClientError, OSError, ValueError) as error:
            raise NoResponse(_reason(error)) from error

    async def close(self) -> None:
        for session in self._sessions.values():
            await session.close()

    def _session(self, scheme: str, allow_public_http: bool) -> aiohttp.ClientSession:
        """Return the session for a rule: a kept connection was checked by its rule alone."""
        rule = scheme, allow_public_http
        if rule not in self._sessions:
            require = partial(
                self._rules.require, scheme=scheme, allow_public_http=allow_public_http
            )
            connector = aiohttp.TCPConnector(
                resolver=_Resolver(require),
                use_dns_cache=False,
                happy_eyeballs_delay=None,  # its race would hide a refusal
                socket_factory=partial(_socket, require),
                ssl=_tls(),
                limit=0,
                keepalive_timeout=KEPT_SECONDS,
            )
            self._sessions[rule] = aiohttp.ClientSession(
                connector=connector,
                cookie_jar=aiohttp.DummyCookieJar(),
                trust_env=False,  # use no proxy or password from the environment
                headers=DEFAULT_HEADERS,
            )
        return self._sessions[rule]


def _socket(require: Callable[[str, int], None], info: Any) -> socket.socket:
    """Return a socket for the address that is about to be connected to."""
    family, kind, protocol, _, where = info
    require(where[0], where[1])
    return socket.socket(family, kind, protocol)


def _headers(headers: Mapping[str, str]) -> CIMultiDict[str]:
    """Return the headers; of names that differ in case alone, the last one."""
    unique: CIMultiDict[str] = CIMultiDict()
    for name, value in headers.items():
        unique[name] = value
    return unique


def _joined(response: aiohttp.ClientResponse) -> Mapping[str, str]:
    """Return the headers with names in lower case. Repeated ones are joined (RFC 9110, 5.3)."""
    joined: dict[str, str] = {}
    for name, value in response.headers.items():
        name = name.lower()
        joined[name] = f"{joined[name]}, {value}" if name in joined else value
    return joined


async def _read(response: aiohttp.ClientResponse, most: int) -> bytes:
    """Return at most that many bytes of the body. The connection of a longer one is closed."""
    content = b""
    while len(content) < most and (chunk := await response.content.read(most - len(content))):
        content += chunk
    if len(content) >= most:
        response.close()
    return content


def _late(seconds: float, what: str) -> str:
    return f"{what} within {seconds:g} seconds"


def _reason(error: BaseException) -> str:
    """Return the cause, without the URL, which may have secrets."""
    if isinstance(error, aiohttp.ClientConnectorError):
        cause = error.os_error
        if cause.errno is not None and cause.errno > 0:
            return os.strerror(cause.errno)
        return cause.strerror or str(cause) or type(cause).__name__
    if isinstance(error, aiohttp.ServerDisconnectedError):
        return "the server closed the connection"
    if isinstance(error, aiohttp.ClientError):
        return type(error).__name__
    return str(error) or type(error).__name__
