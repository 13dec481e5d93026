"""Call our own API on this host, without the proxies that the environment names."""

import urllib.request
from typing import Any

from entrypoints.settings import Settings, authority

EVERY_ADDRESS = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - compared, not bound


def base_url(settings: Settings) -> str:
    """Return the URL at which this host reaches the API."""
    host = EVERY_ADDRESS.get(settings.http_host, settings.http_host)
    return f"http://{authority(host, settings.http_port)}"


def get(url: str, *, seconds: float) -> Any:
    """Return the response; the caller closes it. Raises OSError, also for an error status."""
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    return direct.open(url, timeout=seconds)
