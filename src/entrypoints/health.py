"""What a health check asks: the API over HTTP, the others by their heartbeat."""

import urllib.error
import urllib.request

from application.errors import StoreUnavailable
from entrypoints.container import build_container
from entrypoints.settings import Settings


def is_healthy(settings: Settings, part: str) -> tuple[bool, str]:
    """Answers whether it is, and the reason."""
    if part == "api":
        return _answers(f"http://127.0.0.1:{settings.http_port}/livez")
    try:
        seen = build_container(settings).check_health().execute(part)
    except StoreUnavailable as error:
        return False, f"no store: {error.reason}"
    return seen, "alive" if seen else "no heartbeat from this host within 15 s"


def _answers(url: str) -> tuple[bool, str]:
    try:
        with urllib.request.urlopen(url, timeout=3):  # noqa: S310 - our own http URL
            return True, "alive"
    except (urllib.error.URLError, OSError) as error:
        return False, str(error)
