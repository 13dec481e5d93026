"""Count each request against the limit of its caller, and tell the caller what is left."""

from functools import partial
from ipaddress import IPv6Address, IPv6Network

from flask import Flask, Response, current_app, g, request

from application.access import Caller
from application.ports.rate_limits import Charge, RateLimitExceeded, whole_seconds
from domain.rate_limit import RateLimit
from entrypoints.api.access.needed import NEEDED
from entrypoints.api.origins import address_of
from entrypoints.api.reading.client import client_address
from entrypoints.api.use_cases import use_cases
from entrypoints.container import Container

COUNTED_BY_THE_STORE = {"tasks.Tasks", "bulk.Batch"}
"""Endpoints whose POST is counted in the step that stores its tasks."""
POLICY = '"default"'
"""The name of the one policy in the headers (draft-ietf-httpapi-ratelimit-headers-11)."""
IPV6_NETWORK_BITS = 64
"""One host has this many bits to choose its addresses from."""


def limit_rates(app: Flask, container: Container) -> None:
    """Count requests, except those that need no key, where a caller can have a limit."""
    common = container.settings().rate_limit
    if common is None and not container.tells_callers_apart():
        return
    app.before_request(partial(_begin, RateLimit.parse(common) if common else None))
    app.after_request(_finish)


def charge_of_request() -> Charge | None:
    """Return what the current request has to count; None where its caller has no limit."""
    charge: Charge | None = g.get("charge")
    return charge


def _begin(common: RateLimit | None) -> None:
    if request.endpoint not in NEEDED or request.method == "OPTIONS":
        return
    caller = use_cases().callers().current()
    limit = caller.rate_limit or common
    if limit is None:
        return
    g.charge = Charge(caller=_name(caller), limit=limit)
    if request.method == "POST" and request.endpoint in COUNTED_BY_THE_STORE:
        use_cases().limit_rate().require_unit(g.charge)
    else:
        use_cases().limit_rate().count(g.charge)


def _finish(response: Response) -> Response:
    """Add the headers. Count a submit that the store did not count, such as an invalid one."""
    charge = charge_of_request()
    if charge is None:
        return response
    if charge.usage is not None:
        use_cases().limit_rate().note(charge)
    else:
        try:
            use_cases().limit_rate().count(charge)
        except RateLimitExceeded as error:
            response = current_app.make_response(current_app.handle_user_exception(error))
    _add_headers(response, charge)
    return response


def _add_headers(response: Response, charge: Charge) -> None:
    if charge.usage is None:
        return
    seconds = whole_seconds(charge.limit.window)
    response.headers["RateLimit-Policy"] = f"{POLICY};q={charge.limit.units};w={seconds}"
    left, regained = charge.usage.remaining, whole_seconds(charge.usage.regains_in)
    response.headers["RateLimit"] = f"{POLICY};r={left};t={regained}"


def _name(caller: Caller) -> str:
    """Return the name under which the requests of a caller are counted.

    Whoever holds a link uses nothing of the key that made it.
    """
    if caller.key_id and not caller.by_link:
        return f"key:{caller.key_id}"
    address = address_of(client_address())
    if isinstance(address, IPv6Address):
        network = IPv6Network((int(address), IPV6_NETWORK_BITS), strict=False)
        return f"address:{address.ipv4_mapped or network}"
    return f"address:{address or ''}"
