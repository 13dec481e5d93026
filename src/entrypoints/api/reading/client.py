"""Read the address and scheme of a client, as a trusted proxy reports them."""

from collections.abc import Sequence
from ipaddress import IPv4Network, IPv6Network, ip_network

from flask import Flask, current_app, request

from entrypoints.api.origins import address_of

Network = IPv4Network | IPv6Network


def trust_proxies(app: Flask, networks: Sequence[str]) -> None:
    """Believe X-Forwarded-For and X-Forwarded-Proto of peers in these networks."""
    app.extensions["trusted_proxies"] = [ip_network(network) for network in networks]


def client_address() -> str:
    """Return the address of the client: the last one that no trusted proxy has.

    A proxy appends the address of its peer, so those before an untrusted one may be invented.
    """
    address = request.remote_addr or ""
    if not _is_trusted(address):
        return address
    for forwarded in reversed(request.headers.get("X-Forwarded-For", "").split(",")):
        if address_of(forwarded.strip()) is None:
            break
        address = forwarded.strip()
        if not _is_trusted(address):
            break
    return address


def is_https() -> bool:
    """Return whether the client uses TLS, also where a trusted proxy ends it."""
    if request.scheme == "https":
        return True
    scheme = request.headers.get("X-Forwarded-Proto", "").rpartition(",")[2].strip().lower()
    return scheme == "https" and _is_trusted(request.remote_addr or "")


def _is_trusted(peer: str) -> bool:
    networks: list[Network] = current_app.extensions["trusted_proxies"]
    address = address_of(peer) if networks else None
    return address is not None and any(address in network for network in networks)
