"""The worker process."""

from entrypoints.container.worker import build_worker
from entrypoints.settings import Settings


def run_worker(settings: Settings) -> int:
    """Run a worker until SIGTERM, SIGINT or SIGHUP. Returns the exit code."""
    return build_worker(settings).run()
