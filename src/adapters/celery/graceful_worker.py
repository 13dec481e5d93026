"""Celery's worker program, which ends in the same way by every signal."""

from typing import Any

from celery import Celery
from celery.apps import worker as apps_worker


def graceful_worker(app: Celery) -> type[Any]:
    """Return Celery's worker, changed so that Ctrl-C and a closed terminal act like SIGTERM."""
    install_term_handler: Any = getattr(apps_worker, "install_worker_term_handler")  # noqa: B009 - not in the stubs

    class GracefulWorker(app.Worker):  # type: ignore[name-defined,misc]  # made by Celery at run time
        def install_platform_tweaks(self, worker: Any) -> None:
            super().install_platform_tweaks(worker)
            for name in ("SIGTERM", "SIGINT", "SIGHUP"):
                install_term_handler(worker, sig=name, verbose=False)

    return GracefulWorker
