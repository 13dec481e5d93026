"""A look at the store before a process starts to rely on it."""

import logging

from application.errors import StoreUnavailable
from entrypoints.container import build_container
from entrypoints.settings import InvalidSettings, Settings

logger = logging.getLogger(__name__)


def require_safe_store(settings: Settings) -> None:
    """With TASKS_ENV=production, raises InvalidSettings for a store that may lose tasks; elsewhere only warns."""
    try:
        warnings = build_container(settings).check_store().execute()
    except StoreUnavailable as error:
        logger.warning("Cannot check the store yet: %s", error.reason, extra={"action": "store_unchecked"})
        return
    if warnings and settings.is_production:
        raise InvalidSettings([f"TASKS_ENV is production, and Redis is not safe: {hazard}" for hazard in warnings])
    for hazard in warnings:
        logger.warning("Redis is not safe: %s", hazard, extra={"action": "store_unsafe"})
