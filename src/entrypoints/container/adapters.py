"""Name the adapter behind each port."""

import logging
from collections.abc import Callable
from importlib.metadata import version
from typing import Any

from dependency_injector import containers, providers

from adapters.celery.app import create_celery_app
from adapters.celery.wake_ups import CeleryWakeUps, WakeUpFactory
from adapters.handlers.registry import HandlerRegistry
from adapters.handlers.run_context import BufferedRunContextFactory
from adapters.http.outbound import OutboundHttp
from adapters.http.signature import Signature
from adapters.http.webhook_sender import HttpWebhookSender
from adapters.redis.access_keys import RedisAccessKeys
from adapters.redis.attempt_log import RedisAttemptLog
from adapters.redis.clock import RedisClock
from adapters.redis.confirmation import Confirmation
from adapters.redis.connection import connect, connect_blocking
from adapters.redis.delivery_log import RedisDeliveryLog
from adapters.redis.event_stream import RedisEventStream
from adapters.redis.exchange import Exchange, PooledExchange
from adapters.redis.heartbeats import RedisHeartbeats
from adapters.redis.idempotency_records import RedisIdempotencyRecords
from adapters.redis.outbox import RedisOutbox
from adapters.redis.queues import RedisQueues
from adapters.redis.rate_limits import RedisRateLimits
from adapters.redis.restored_tasks import RestoreEffects
from adapters.redis.run_log import RedisRunLog
from adapters.redis.schedules import RedisSchedules
from adapters.redis.series import RedisSeries
from adapters.redis.statistics import RedisStatistics
from adapters.redis.store import RedisStore
from adapters.redis.store_inspection import RedisStoreInspection
from adapters.redis.store_layout import RedisStoreLayout
from adapters.redis.store_probe import RedisStoreProbe
from adapters.redis.task_archive import RedisTaskArchive
from adapters.redis.task_counts import RedisTaskCounts
from adapters.redis.task_history import RedisTaskHistory
from adapters.redis.task_leases import RedisTaskLeases
from adapters.redis.task_pages import RedisTaskPages
from adapters.redis.task_repository import RedisTaskRepository
from adapters.supervision.interrupt import SignalRunInterrupt
from adapters.supervision.lease_timer import LeaseTimer
from adapters.supervision.linux import is_stopped
from adapters.supervision.process_family import kill_family
from adapters.supervision.task_process import TaskProcess
from adapters.system.clock import SystemClock
from adapters.system.context_actors import ContextActors
from adapters.system.context_callers import ContextCallers
from adapters.system.cron_times import SystemCronTimes
from adapters.system.secret_source import SystemSecretSource
from adapters.system.task_ids import UuidTaskIds
from adapters.tracing.untraced import Untraced
from application.ports.callers import Anyone, Callers
from application.ports.tracer import Tracer
from domain.actor import MAINTENANCE, Actor
from entrypoints.environment import read_trace_settings
from entrypoints.settings import Settings

logger = logging.getLogger(__name__)


def keep_running() -> None:
    """Do not yield: no other work waits for this thread."""


def forget(_: str | None) -> None:
    """Do not note the position of the reader of events: nobody measures how far it is behind."""


def shared_connection(client: Any, *, wanted: bool) -> Exchange | None:
    """Return the connection of all greenlets, for a process that gevent has patched."""
    if not wanted:
        return None
    from adapters.redis.shared_connection import SharedConnection  # other processes lack gevent

    return SharedConnection(client)


def callers_of(*, told_apart: bool) -> Callers:
    """Return who the callers are: those that show a key, or anyone."""
    return ContextCallers() if told_apart else Anyone()


def confirmation(replicas: int) -> Confirmation | None:
    return Confirmation(replicas) if replicas else None


def grouped_confirmation(
    client: Any, confirmation: Confirmation | None, *, wanted: bool
) -> Exchange | None:
    """Return how the changes of all greenlets are confirmed; see shared_connection."""
    if confirmation is None or not wanted:
        return None
    from adapters.redis.grouped_confirmation import GroupedConfirmation

    return GroupedConfirmation(PooledExchange(client, keep_connections=False), confirmation)


def negation(value: bool) -> bool:
    return not value


def half(size: int) -> int:
    return size // 2


def tracer_of(process_name: str) -> Tracer:
    """Return what makes the spans of a process. Problems are logged: no trace is worth a stop."""
    wanted, problem = read_trace_settings() if process_name else (False, "")
    if wanted and not problem:
        try:
            from adapters.tracing.otlp_tracer import OtlpTracer

            return OtlpTracer(f"task-manager-{process_name}", version("task-manager-api"))
        except ImportError:
            problem = "The extra otel is not installed; see docs/tracing.md"
        except Exception as error:
            problem = f"{type(error).__name__}: {error}"
    if problem:
        logger.warning("Traces are off. %s.", problem, extra={"action": "traces_off"})
    return Untraced()


def handlers_of(settings: Settings, process: TaskProcess | None, tracer: Tracer) -> HandlerRegistry:
    """Return the handlers of all types of task; see find_handlers."""
    from entrypoints.container.handlers import find_handlers  # maintenance needs none

    return find_handlers(settings, process, tracer)


class Adapters(containers.DeclarativeContainer):
    """Build the adapter behind each port. Nothing connects before the first call of an adapter."""

    settings = providers.Dependency(instance_of=Settings)
    fail_fast = providers.Object(False)
    keep_connections = providers.Object(False)
    share_connection = providers.Object(False)
    confirm_writes = providers.Object(False)
    cache_bytes = providers.Object(0)
    page_cache_bytes = providers.Callable(half, cache_bytes)
    """Pages hold most of the tasks that are read."""
    task_cache_bytes = providers.Callable(half, page_cache_bytes)
    long_results_as_text = providers.Object(False)
    tells_callers_apart = providers.Object(False)
    task_process: providers.Object[TaskProcess | None] = providers.Object(None)
    let_others_run = providers.Object(keep_running)
    traced_as = providers.Object("")
    """Name of the process in traces; empty for one that makes none."""
    note_position: providers.Object[Callable[[str | None], None]] = providers.Object(forget)

    tracer = providers.Singleton(tracer_of, traced_as)
    redis_client = providers.Singleton(connect, settings.provided.redis_url, patient=fail_fast)
    confirmation = providers.Singleton(confirmation, settings.provided.redis_min_replicas)
    store = providers.Singleton(
        RedisStore,
        redis_client,
        fail_fast=fail_fast,
        keep_connections=keep_connections,
        process=task_process,
        shared=providers.Singleton(shared_connection, redis_client, wanted=share_connection),
        confirmation=confirmation,
        confirmed=providers.Singleton(
            grouped_confirmation, redis_client, confirmation, wanted=share_connection
        ),
        confirm_writes=confirm_writes,
    )
    celery_app = providers.Singleton(
        create_celery_app,
        settings.provided.redis_url,
        queues=settings.provided.queues,
        both_lanes=providers.Callable(negation, settings.provided.has_io_pool),
    )
    wake_up_factory = providers.Singleton(WakeUpFactory, celery_app)

    process_is_stopped = providers.Object(is_stopped)
    kill_family = providers.Object(kill_family)

    process_actor: providers.Object[Actor] = providers.Object(MAINTENANCE)
    actors = providers.Singleton(ContextActors, process_actor)
    callers = providers.Singleton(callers_of, told_apart=tells_callers_apart)
    access_keys = providers.Singleton(RedisAccessKeys, store, let_others_run)
    rate_limits = providers.Singleton(RedisRateLimits, store)
    secret_source = providers.Singleton(SystemSecretSource)

    clock = providers.Singleton(SystemClock)
    store_clock = providers.Singleton(RedisClock, store)
    task_ids = providers.Singleton(UuidTaskIds)
    repository = providers.Singleton(
        RedisTaskRepository,
        store,
        wake_up_factory.provided.wake_up_of,
        settings.provided.events_kept,
        max_queues=settings.provided.max_queues,
        own_queues=settings.provided.queues,
        let_others_run=let_others_run,
        cache_bytes=task_cache_bytes,
        long_results_as_text=long_results_as_text,
        actors=actors,
    )
    task_archive = providers.Singleton(
        RedisTaskArchive,
        store,
        providers.Singleton(
            RestoreEffects,
            settings.provided.events_kept,
            settings.provided.max_queues,
            settings.provided.queues,
        ),
    )
    cron_times = providers.Singleton(SystemCronTimes)
    schedules = providers.Singleton(
        RedisSchedules, store, repository, events_kept=settings.provided.events_kept
    )
    task_pages = providers.Singleton(
        RedisTaskPages,
        repository.provided.records,
        repository.provided.search,
        let_others_run=let_others_run,
        cache_bytes=page_cache_bytes,
    )
    leases = providers.Singleton(
        RedisTaskLeases,
        store,
        repository,
        wake_up_factory.provided.wake_up_of,
        settings.provided.lease,
        settings.provided.events_kept,
        both_lanes=providers.Callable(negation, settings.provided.has_io_pool),
    )
    wake_ups = providers.Singleton(CeleryWakeUps, store, wake_up_factory)
    heartbeats = providers.Singleton(RedisHeartbeats, store)
    store_probe = providers.Singleton(
        RedisStoreProbe, store, on_this_host=settings.provided.redis_is_on_this_host
    )
    store_inspection = providers.Singleton(RedisStoreInspection, store)
    store_layout = providers.Singleton(RedisStoreLayout, store)
    queues = providers.Singleton(
        RedisQueues, store, wake_up_factory.provided.wake_up_of, let_others_run
    )
    statistics = providers.Singleton(RedisStatistics, store, let_others_run)
    task_counts = providers.Singleton(RedisTaskCounts, store)
    series = providers.Singleton(RedisSeries, store, let_others_run)
    idempotency_records = providers.Singleton(RedisIdempotencyRecords, store)
    event_stream = providers.Singleton(
        RedisEventStream,
        store,
        providers.Singleton(connect_blocking, settings.provided.redis_url),
        let_others_run,
        note_position,
    )
    run_log = providers.Singleton(RedisRunLog, store, settings.provided.events_kept)
    attempt_log = providers.Singleton(RedisAttemptLog, store)
    task_history = providers.Singleton(RedisTaskHistory, store)
    interrupt = providers.Singleton(SignalRunInterrupt)
    lease_keeper = providers.Singleton(LeaseTimer, leases, settings.provided.lease, task_process)
    run_context_factory = providers.Singleton(
        BufferedRunContextFactory, run_log, interrupt, task_process
    )
    handlers = providers.Singleton(handlers_of, settings, task_process, tracer)
    outbox = providers.Singleton(RedisOutbox, store)
    delivery_log = providers.Singleton(RedisDeliveryLog, store, let_others_run)
    webhook_sender = providers.Singleton(
        HttpWebhookSender,
        providers.Singleton(OutboundHttp, settings.provided.http_allowed_networks),
        providers.Singleton(Signature, settings.provided.callback_secret),
        clock,
        tracer,
    )
