"""The health check: the API is asked over HTTP, the others must have sent a heartbeat."""

from application.errors import StoreUnavailable
from entrypoints.loopback_http import base_url, get
from entrypoints.settings import Settings


def is_healthy(settings: Settings, part: str, *, liveness: bool = False) -> tuple[bool, str]:
    """Return whether the part is healthy, and the reason for a person.

    With `liveness`, an unreachable store is no fault of a part that cannot send heartbeats to it.
    """
    if part == "api":
        return _responds(f"{base_url(settings)}/livez")
    from entrypoints.container import build_container  # slow to import, and not needed above

    try:
        alive = build_container(settings).check_health().execute(part)
    except StoreUnavailable as error:
        return liveness, f"cannot reach the store: {error.reason}"
    return alive, "alive" if alive else "no heartbeat from this host within 15 s"


def _responds(url: str) -> tuple[bool, str]:
    try:
        with get(url, seconds=3):
            return True, "alive"
    except OSError as error:
        return False, str(error)
