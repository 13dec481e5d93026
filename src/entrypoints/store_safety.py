"""Check the store before a process relies on it."""

import logging

from application.errors import StoreUnavailable
from entrypoints.container import build_container
from entrypoints.settings import InvalidSettings, Settings

logger = logging.getLogger(__name__)


def require_safe_store(settings: Settings) -> None:
    """Log a warning for a store that may lose tasks.

    Raises InvalidSettings instead if TASKS_ENV is production. Raises StoreTooNew if a newer release
    has written into the store what this one cannot read.
    """
    container = build_container(settings)
    try:
        warnings = container.check_store().execute()
    except StoreUnavailable as error:
        _log_unchecked("whether it is safe", error)
        return
    try:
        container.claim_layout().execute()
    except StoreUnavailable as error:
        _log_unchecked("which release has written into it", error)
    if warnings and settings.is_production:
        raise InvalidSettings(
            [f"TASKS_ENV is production, and Redis is not safe: {warning}" for warning in warnings]
        )
    for warning in warnings:
        logger.warning("Redis is not safe: %s", warning, extra={"action": "store_unsafe"})


def _log_unchecked(what: str, error: StoreUnavailable) -> None:
    logger.warning(
        "Cannot use the store to check %s: %s",
        what,
        error.reason,
        extra={"action": "store_unchecked"},
    )
