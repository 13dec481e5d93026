"""What a health check asks: the API over HTTP, the others by their heartbeat."""

from application.errors import StoreUnavailable
from entrypoints.loopback_http import base_url, get
from entrypoints.settings import Settings


def is_healthy(settings: Settings, part: str) -> tuple[bool, str]:
    """Answers whether it is, and the reason."""
    if part == "api":
        return _answers(f"{base_url(settings)}/livez")
    from entrypoints.container import build_container  # it imports much, which the check of the API does without

    try:
        seen = build_container(settings).check_health().execute(part)
    except StoreUnavailable as error:
        return False, f"no store: {error.reason}"
    return seen, "alive" if seen else "no heartbeat from this host within 15 s"


def _answers(url: str) -> tuple[bool, str]:
    try:
        with get(url, seconds=3):
            return True, "alive"
    except OSError as error:
        return False, str(error)
