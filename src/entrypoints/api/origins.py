"""Protection from web pages in a browser: allowed hosts of requests, and origins that may write."""

import re
import socket
from collections.abc import Iterable
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address, ip_address
from urllib.parse import urlsplit

from flask import Flask, request

from entrypoints.settings import Settings

ANY_HOST = "*"
LOOPBACK_NAME = "localhost"
SAFE_METHODS = {"GET", "HEAD", "OPTIONS"}
AUTHORITY = re.compile(r"(?P<host>\[[0-9A-Fa-f:.]+\]|[^\[\]:/?#@\s]+)(?::(?P<port>[0-9]{0,5}))?")
"""Host and port in the form of a Host header (RFC 9110, section 7.2)."""
DEFAULT_PORTS = {"http": 80, "https": 443}


class HostNotAllowed(Exception):
    """The Host header names a host that is not this service's."""

    def __init__(self, host: str) -> None:
        super().__init__(
            f"This service does not accept requests to the host {host[:255]!a}. If this is one of "
            "its names, the operator can add it to TASKS_HTTP_ALLOWED_HOSTS."
        )


class CrossSiteRequest(Exception):
    """A web page of another origin made a browser send a write."""

    def __init__(self, origin: str | None) -> None:
        page = f"a page of {origin[:255]!a}" if origin is not None else "a page of another site"
        super().__init__(
            f"A browser sent this request for {page}. Only pages of this service's own origin may "
            "write. The operator can allow the host of another page with TASKS_HTTP_ALLOWED_HOSTS."
        )


class AllowedHosts:
    """The hosts that requests may be sent to. Ports are ignored, since a proxy changes them."""

    def __init__(self, listening: str, named: Iterable[str] = (), host_name: str = "") -> None:
        """`listening` is the address that the server binds. The operator allows `named` hosts."""
        self.named = {_bare(host) for host in named}
        self.allows_any = ANY_HOST in self.named
        self._names = self.named | {_bare(listening)}
        address = address_of(_bare(listening))
        self._on_every_address = address is not None and address.is_unspecified
        if self._on_every_address:
            self._names.add(_bare(host_name))

    def allows(self, host: str) -> bool:
        """Return whether requests with this Host header are allowed."""
        match = AUTHORITY.fullmatch(host)
        if self.allows_any or match is None:
            return self.allows_any
        name = _bare(match["host"])
        address = address_of(name)
        if address is not None:
            return address.is_loopback or self._on_every_address or name in self._names
        return name in self._names or name == LOOPBACK_NAME or name.endswith(f".{LOOPBACK_NAME}")

    def may_write(self, origin: str, host: str | None) -> bool:
        """Return whether a page of this Origin may write to this Host.

        The pages of the Host itself and of the named hosts may.
        """
        try:
            parts = urlsplit(origin)
            default_port = DEFAULT_PORTS[parts.scheme]
            page = (_bare(parts.hostname or ""), parts.port or default_port)
        except (ValueError, KeyError):  # "null", or not the origin of a web page
            return False
        if page[0] in self.named:
            return True
        match = AUTHORITY.fullmatch(host or "")
        return match is not None and page == (
            _bare(match["host"]),
            int(match["port"] or default_port),
        )


def protect_from_pages(app: Flask, settings: Settings) -> None:
    """Refuse requests to foreign hosts and writes of foreign pages, before any view.

    A request without a Host is allowed: browsers always send one, and the probes of some load
    balancers do not.
    """
    allowed = AllowedHosts(settings.http_host, settings.http_allowed_hosts, socket.gethostname())
    allows = lru_cache(maxsize=256)(allowed.allows)  # nearly every request has the same host

    def check() -> None:
        host, origin = request.environ.get("HTTP_HOST"), request.headers.get("Origin")
        if host is not None and not allows(host):
            raise HostNotAllowed(host)
        if request.method in SAFE_METHODS:
            return
        if request.headers.get("Sec-Fetch-Site", "").strip().lower() == "cross-site":
            raise CrossSiteRequest(origin)
        if origin is not None and not allowed.may_write(origin, host):
            raise CrossSiteRequest(origin)

    app.before_request(check)


def _bare(host: str) -> str:
    """Return the host in lower case, without brackets (IPv6) and the dot of the root domain."""
    name = host.lower().removeprefix("[").removesuffix("]").removesuffix(".")
    address = address_of(name)
    return name if address is None else str(address)


def address_of(host: str) -> IPv4Address | IPv6Address | None:
    """Return the address that a text spells; None for other texts."""
    try:
        return ip_address(host)
    except ValueError:
        return None
