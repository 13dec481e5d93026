"""Build the worker and its children. Only they import this module, and with it Celery's worker."""

import os
from pathlib import Path

from dependency_injector import providers

from adapters.celery.worker import CeleryWorker
from adapters.supervision.node_lock import NodeLock
from adapters.supervision.retirement import Retirement
from adapters.supervision.task_process import TaskProcess
from application.ports.tracer import Tracer
from application.use_cases.worker.run_tasks import RunTasks
from entrypoints.container.handlers import find_handlers
from entrypoints.container.processes import build_container, describe_process
from entrypoints.container.use_cases import Container
from entrypoints.environment import hide_secrets
from entrypoints.private_files import make_private
from entrypoints.settings import InvalidSettings, Settings


def build_child_container(
    settings: Settings, process: TaskProcess, tracer: Tracer | None = None
) -> Container:
    """Build the container of a process that runs tasks. `tracer` is that of the worker."""
    settings.require_redis()
    return Container(
        settings=settings,
        keep_connections=True,
        confirm_writes=True,
        task_process=process,
        **({"tracer": providers.Object(tracer)} if tracer else {}),
    )


def build_worker(settings: Settings) -> CeleryWorker:
    """Build a worker whose children build containers of their own.

    A fork must not share connections, threads or locks with its parent.
    """
    container = build_container(settings, traced_as="worker")
    tracer = container.tracer()
    hide_secrets()
    find_handlers(settings)  # the children import nothing then, and a wrong setting stops the start
    process = describe_process(
        "worker", queues=settings.queues, concurrency=settings.worker_concurrency
    )

    def build_run_tasks(owner: str, child: TaskProcess) -> RunTasks:
        tracer.start()
        return build_child_container(settings, child, tracer).run_tasks(owner=owner)

    return CeleryWorker(
        container.celery_app(),
        build_run_tasks=build_run_tasks,
        at_process_end=tracer.stop,
        release=container.release_runs(),
        watch=container.watch_runs(),
        heartbeat=container.send_heartbeat(),
        require_store=container.store().require_replicas,
        node=NodeLock(_private_folder(settings, "workers"), process.name),
        process=process,
        lease=settings.lease,
        grace=settings.shutdown_grace,
        retirement=Retirement(settings.child_max_runs, settings.child_max_memory << 20),
    )


def _private_folder(settings: Settings, name: str) -> Path:
    """Create a folder in the data directory, and make both private to this user.

    Raises InvalidSettings if another user owns the folder: a forged lock in it would make a living
    worker look dead.
    """
    folder = settings.data_dir / name
    try:
        make_private(settings.data_dir)
        make_private(folder)
        owner = folder.stat().st_uid
    except OSError as error:
        raise InvalidSettings(
            [
                f"TASKS_DATA_DIR is {str(settings.data_dir)!r}, which cannot be used: "
                f"{error.strerror}. "
                "Set it to a folder that you may write to."
            ]
        ) from error
    if owner != os.geteuid():
        raise InvalidSettings(
            [
                f"TASKS_DATA_DIR is {str(settings.data_dir)!r}, and its folder {name!r} belongs to "
                f"user {owner}, "
                f"not to you (user {os.geteuid()}). Set it to a folder of your own."
            ]
        )
    return folder
