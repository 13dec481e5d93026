"""Build the containers and the description of each process of the service."""

import os
import socket
import uuid
from collections.abc import Callable

from dependency_injector import providers

from application.ports.heartbeats import ServiceProcess
from entrypoints.container.adapters import keep_running
from entrypoints.container.use_cases import Container
from entrypoints.settings import Settings


def build_container(
    settings: Settings,
    *,
    fail_fast: bool = False,
    keep_connections: bool = False,
    share_connection: bool = False,
    confirm_writes: bool = False,
    cache_bytes: int = 0,
    long_results_as_text: bool = False,
    tells_callers_apart: bool = False,
    traced_as: str = "",
    let_others_run: Callable[[], None] = keep_running,
) -> Container:
    """Build the container of a process. Raises InvalidSettings if the settings name no Redis.

    RedisStore describes `fail_fast`, `keep_connections` and `confirm_writes`, SharedConnection the
    connection that greenlets share, KnownTasks the cache, TaskRecords `long_results_as_text`. With
    `tells_callers_apart`, each request says who its caller is (ContextCallers). Long work calls
    `let_others_run` between its parts: a process that serves many callers in one thread needs it.
    `traced_as` is the name of the process in traces; without one it makes none.
    """
    settings.require_redis()
    return Container(
        settings=settings,
        fail_fast=fail_fast,
        keep_connections=keep_connections,
        share_connection=share_connection,
        confirm_writes=confirm_writes,
        cache_bytes=cache_bytes,
        long_results_as_text=long_results_as_text,
        tells_callers_apart=tells_callers_apart,
        traced_as=traced_as,
        let_others_run=providers.Object(let_others_run),
    )


def describe_process(
    role: str, *, queues: tuple[str, ...] = (), concurrency: int = 0
) -> ServiceProcess:
    """Describe this process, with a unique name."""
    host, pid = socket.gethostname(), os.getpid()
    name = f"{host}-{pid}-{uuid.uuid4().hex[:12]}"
    return ServiceProcess(
        role=role, name=name, host=host, pid=pid, queues=queues, concurrency=concurrency
    )
