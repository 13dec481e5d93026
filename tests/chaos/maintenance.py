"""Maintenance under test: the service's own, with points at which it may be killed.

`python -m tests.chaos.maintenance` with the settings of the service and CHAOS_CRASH_DIR.
"""

import sys

from adapters.redis.schedules import RedisSchedules
from entrypoints.container import build_container
from entrypoints.environment import load_settings
from entrypoints.logging import configure_logging
from entrypoints.maintenance.process import Maintenance
from tests.chaos.worker import add_crash_points


def main() -> int:
    """Run maintenance. Returns the exit code."""
    add_crash_points(RedisSchedules, "due", "due")
    add_crash_points(RedisSchedules, "save", "skip")
    add_crash_points(RedisSchedules, "save_with_task", "slot")
    configure_logging("maintenance")
    Maintenance(build_container(load_settings())).run()
    return 0


if __name__ == "__main__":
    sys.exit(main())
