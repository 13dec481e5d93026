"""Decide which addresses may be called: public ones, and the networks that the operator allows."""

from collections.abc import Sequence
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from urllib.parse import urlsplit

from AntiSSRF import IPAddressRanges

DEFAULT_PORTS = {"http": 80, "https": 443}
PUBLIC_PORTS = set(DEFAULT_PORTS.values())
"""Other ports may belong to something other than a web server (a rule of Stripe's smokescreen)."""
OPENED_BY = "TASKS_HTTP_ALLOWED_NETWORKS opens other networks, such as 10.1.0.0/16"
ALSO_REFUSED = ("::/96", "::ffff:0:0:0/96")
"""IPv4-compatible (RFC 4291) and IPv4-translated (RFC 2765) addresses, which AntiSSRF lets pass."""


class AddressRefused(Exception):
    """The URL leads to an address that must not be called. Nothing was sent.

    Not an OSError: a client that connects tries the next address after those.
    """


class AddressRules:
    def __init__(self, allowed_networks: Sequence[str] = ()) -> None:
        """`allowed_networks` are CIDRs that may be called besides public addresses, on any port."""
        refused = (*IPAddressRanges.recommended_latest, *ALSO_REFUSED)
        self._allowed = [ip_network(network) for network in allowed_networks]
        self._refused = [ip_network(network) for network in refused]

    def refusal_of_url(self, url: str, *, allow_public_http: bool) -> str | None:
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

    def require(self, text: str, port: int, scheme: str, *, allow_public_http: bool) -> None:
        """Raises AddressRefused for an address that must not be connected to."""
        address = _plain(text)
        if self._is_allowed(address):
            return
        if not address.is_global or any(address in network for network in self._refused):
            raise AddressRefused(f"Must lead to a public address, not {address}; {OPENED_BY}")
        if violation := _public_violation(scheme, port, allow_public_http):
            raise AddressRefused(f"{violation}; {OPENED_BY}")

    def _is_allowed(self, address: IPv4Address | IPv6Address) -> bool:
        return any(address in network for network in self._allowed)


def _plain(text: str) -> IPv4Address | IPv6Address:
    """Return the address without its zone. One that maps an IPv4 address is that address."""
    address = ip_address(text.partition("%")[0])
    return getattr(address, "ipv4_mapped", None) or address


def _public_violation(scheme: str, port: int | None, allow_public_http: bool) -> str | None:
    """Return why a public address must not be called by this scheme and port, None if it may."""
    if scheme == "http" and not allow_public_http:
        return "Must begin with https://"
    if (port or DEFAULT_PORTS[scheme]) not in PUBLIC_PORTS:
        return f"Must name port 443 or 80, not {port}"
    return None
