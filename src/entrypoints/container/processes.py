"""Build the containers and the description of each process of the service."""

import os
import socket
import uuid
from collections.abc import Callable
from pathlib import Path

from dependency_injector import providers

from adapters.celery.worker import CeleryWorker
from adapters.supervision.node_lock import NodeLock
from adapters.supervision.retirement import Retirement
from adapters.supervision.task_process import TaskProcess
from application.ports.heartbeats import ServiceProcess
from entrypoints.container.adapters import keep_running
from entrypoints.container.handlers import find_handlers
from entrypoints.container.use_cases import Container
from entrypoints.environment import hide_secrets
from entrypoints.private_files import make_private
from entrypoints.settings import InvalidSettings, Settings


def build_container(
    settings: Settings,
    *,
    fail_fast: bool = False,
    keep_connections: bool = False,
    let_others_run: Callable[[], None] = keep_running,
) -> Container:
    """Build the container of a process. Raises InvalidSettings if the settings name no Redis.

    RedisStore describes `fail_fast` and `keep_connections`. Long work calls `let_others_run`
    between its parts: a process that serves many callers in one thread needs it.
    """
    settings.require_redis()
    return Container(
        settings=settings,
        fail_fast=fail_fast,
        keep_connections=keep_connections,
        let_others_run=providers.Object(let_others_run),
    )


def build_child_container(settings: Settings, process: TaskProcess) -> Container:
    """Build the container of a process that runs tasks."""
    settings.require_redis()
    return Container(settings=settings, keep_connections=True, task_process=process)


def build_worker(settings: Settings) -> CeleryWorker:
    """Build a worker whose children build containers of their own.

    A fork must not share connections, threads or locks with its parent.
    """
    container = build_container(settings)
    hide_secrets()
    find_handlers(settings)  # the children import nothing then, and a wrong setting stops the start
    process = describe_process(
        "worker", queues=settings.queues, concurrency=settings.worker_concurrency
    )
    return CeleryWorker(
        container.celery_app(),
        build_run_tasks=lambda owner, child: build_child_container(settings, child).run_tasks(
            owner=owner
        ),
        release=container.release_runs(),
        watch=container.watch_runs(),
        heartbeat=container.send_heartbeat(),
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


def describe_process(
    role: str, *, queues: tuple[str, ...] = (), concurrency: int = 0
) -> ServiceProcess:
    """Describe this process, with a unique name."""
    host, pid = socket.gethostname(), os.getpid()
    name = f"{host}-{pid}-{uuid.uuid4().hex[:12]}"
    return ServiceProcess(
        role=role, name=name, host=host, pid=pid, queues=queues, concurrency=concurrency
    )
