"""The composition root: the one place that knows which adapter stands behind which port."""

import os
import socket
import uuid
from collections.abc import Callable, Sequence
from pathlib import Path

from dependency_injector import containers, providers

from adapters.celery.app import create_celery_app
from adapters.celery.retirement import Retirement
from adapters.celery.wake_ups import CeleryWakeUps, WakeUpFactory
from adapters.celery.worker import CeleryWorker
from adapters.handlers.discovery import UnusableHandlers, find_functions
from adapters.handlers.http_call import HttpCall
from adapters.handlers.isolated_handler import IsolatedHandler
from adapters.handlers.python_function import PythonFunction
from adapters.handlers.registry import HandlerRegistry
from adapters.handlers.run_context import BufferedRunContextFactory
from adapters.handlers.sleep import SleepHandler
from adapters.http.outbound import OutboundHttp
from adapters.http.signature import Signature, http_secret
from adapters.http.webhook_sender import HttpWebhookSender
from adapters.redis.client import RedisStore, connect, connect_blocking
from adapters.redis.clock import RedisClock
from adapters.redis.event_stream import RedisEventStream
from adapters.redis.heartbeats import RedisHeartbeats
from adapters.redis.idempotency_records import RedisIdempotencyRecords
from adapters.redis.outbox import RedisOutbox
from adapters.redis.queues import RedisQueues
from adapters.redis.run_log import RedisRunLog
from adapters.redis.statistics import RedisStatistics
from adapters.redis.store_probe import RedisStoreProbe
from adapters.redis.task_leases import RedisTaskLeases
from adapters.redis.task_repository import RedisTaskRepository
from adapters.supervision.descendants import Descendants
from adapters.supervision.interrupt import SignalRunInterrupt
from adapters.supervision.lease_timer import LeaseTimer
from adapters.supervision.linux import is_stopped
from adapters.supervision.node_lock import NodeLock
from adapters.supervision.process_family import kill_family
from adapters.supervision.task_process import TaskProcess
from adapters.system.clock import SystemClock
from adapters.system.task_ids import UuidTaskIds
from application.admission import Admission
from application.optimistic_update import OptimisticUpdate
from application.ports.heartbeats import ServiceProcess
from application.ports.task_handlers import TaskHandler
from application.use_cases.maintenance.deliver_webhook import DeliverWebhook
from application.use_cases.maintenance.expire_tasks import ExpireTasks
from application.use_cases.maintenance.find_unserved_queues import FindUnservedQueues
from application.use_cases.maintenance.guard_capacity import GuardCapacity
from application.use_cases.maintenance.lease_deliveries import LeaseDeliveries
from application.use_cases.maintenance.promote_tasks import PromoteTasks
from application.use_cases.maintenance.prune_idempotency_records import PruneIdempotencyRecords
from application.use_cases.maintenance.prune_tasks import PruneTasks
from application.use_cases.maintenance.recover_tasks import RecoverTasks
from application.use_cases.operations.check_health import CheckHealth
from application.use_cases.operations.check_store import CheckStore
from application.use_cases.operations.get_statistics import GetStatistics
from application.use_cases.operations.list_queues import ListQueues
from application.use_cases.operations.list_types import ListTypes
from application.use_cases.operations.list_workers import ListWorkers
from application.use_cases.operations.pause_queue import PauseQueue
from application.use_cases.operations.remove_queue import RemoveQueue
from application.use_cases.operations.send_heartbeat import SendHeartbeat
from application.use_cases.operations.warn_about_queues import WarnAboutQueues
from application.use_cases.tasks.bulk_action import BulkAction
from application.use_cases.tasks.cancel_task import CancelTask
from application.use_cases.tasks.delete_task import DeleteTask
from application.use_cases.tasks.find_violations import FindViolations
from application.use_cases.tasks.follow_tasks import FollowTasks
from application.use_cases.tasks.get_task import GetTask
from application.use_cases.tasks.list_deliveries import ListDeliveries
from application.use_cases.tasks.list_tasks import ListTasks
from application.use_cases.tasks.queue_positions import QueuePositions
from application.use_cases.tasks.read_log import ReadLog
from application.use_cases.tasks.resend_delivery import ResendDelivery
from application.use_cases.tasks.retry_task import RetryTask
from application.use_cases.tasks.submit_task import SubmitTasks
from application.use_cases.tasks.update_task import UpdateTask
from application.use_cases.tasks.wait_for_task import WaitForTask
from application.use_cases.worker.finish_run import FinishRun
from application.use_cases.worker.release_runs import ReleaseRuns
from application.use_cases.worker.run_handler import RunHandler
from application.use_cases.worker.run_tasks import RunTasks
from application.use_cases.worker.watch_runs import WatchRuns
from entrypoints.private_files import make_private
from entrypoints.settings import InvalidSettings, Settings, environment_restorer, hide_secrets


def find_handlers(settings: Settings, process: TaskProcess | None = None) -> HandlerRegistry:
    """Raises InvalidSettings when TASKS_HANDLERS names what cannot be used. `process` is given where tasks run."""
    http, signature = OutboundHttp(settings.http_allowed_networks), Signature(http_secret(settings.callback_secret))
    built_in = [SleepHandler(), HttpCall(http, signature, SystemClock())]
    try:
        functions = find_functions(settings.handlers, built_in=[handler.type.name for handler in built_in])
    except UnusableHandlers as error:
        raise InvalidSettings(list(error.problems)) from error
    return HandlerRegistry([*built_in, *(functions if process is None else _isolated(functions, process))])


def _isolated(functions: Sequence[PythonFunction], process: TaskProcess) -> Sequence[TaskHandler]:
    descendants, restore_environment = Descendants(), environment_restorer()
    return [
        IsolatedHandler(function, process, descendants, restore_environment, keeps_processes=function.keeps_processes)
        for function in functions
    ]


def http_signing_key(settings: Settings) -> str:
    """Return the secret that verifies `http` tasks. Raises InvalidSettings without TASKS_CALLBACK_SECRET."""
    secret = http_secret(settings.callback_secret)
    if secret is None:
        raise InvalidSettings(
            [
                "TASKS_CALLBACK_SECRET is not set, so nothing is signed. Set it as the service has it, or "
                "TASKS_CALLBACK_SECRET_FILE"
            ]
        )
    return secret


def go_on() -> None:
    """Do nothing: nobody else waits for this thread."""


class Container(containers.DeclarativeContainer):
    """Connects nothing until a use case is asked for."""

    settings = providers.Dependency(instance_of=Settings)
    fail_fast = providers.Object(False)
    keep_connections = providers.Object(False)
    task_process: providers.Object[TaskProcess | None] = providers.Object(None)
    let_others_run = providers.Object(go_on)

    redis_client = providers.Singleton(connect, settings.provided.redis_url, patient=fail_fast)
    store = providers.Singleton(
        RedisStore, redis_client, fail_fast=fail_fast, keep_connections=keep_connections, process=task_process
    )
    celery_app = providers.Singleton(create_celery_app, settings.provided.redis_url, queues=settings.provided.queues)
    wake_up_factory = providers.Singleton(WakeUpFactory, celery_app)

    process_is_stopped = providers.Object(is_stopped)
    kill_family = providers.Object(kill_family)

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
    )
    leases = providers.Singleton(
        RedisTaskLeases,
        store,
        repository,
        wake_up_factory.provided.wake_up_of,
        settings.provided.lease,
        settings.provided.events_kept,
    )
    wake_ups = providers.Singleton(CeleryWakeUps, store, wake_up_factory)
    heartbeats = providers.Singleton(RedisHeartbeats, store)
    store_probe = providers.Singleton(RedisStoreProbe, store, on_this_host=settings.provided.redis_is_on_this_host)
    queues = providers.Singleton(RedisQueues, store, wake_up_factory.provided.wake_up_of)
    statistics = providers.Singleton(RedisStatistics, store, let_others_run)
    idempotency_records = providers.Singleton(RedisIdempotencyRecords, store)
    event_stream = providers.Singleton(
        RedisEventStream, store, providers.Singleton(connect_blocking, settings.provided.redis_url)
    )
    run_log = providers.Singleton(RedisRunLog, store, settings.provided.events_kept)
    interrupt = providers.Singleton(SignalRunInterrupt)
    lease_keeper = providers.Singleton(LeaseTimer, leases, settings.provided.lease, task_process)
    run_context_factory = providers.Singleton(BufferedRunContextFactory, run_log, interrupt, task_process)
    handlers = providers.Singleton(find_handlers, settings, task_process)
    update = providers.Singleton(OptimisticUpdate, repository)
    outbox = providers.Singleton(RedisOutbox, store)
    webhook_sender = providers.Singleton(
        HttpWebhookSender,
        providers.Singleton(OutboundHttp, settings.provided.http_allowed_networks),
        providers.Singleton(Signature, settings.provided.callback_secret),
        clock,
    )

    admission = providers.Singleton(Admission, handlers, webhook_sender, may_call_back=settings.provided.may_call_back)

    submit_task = providers.Singleton(SubmitTasks, repository, admission, task_ids, clock, let_others_run)
    find_violations = providers.Singleton(FindViolations, admission)
    get_task = providers.Singleton(GetTask, repository)
    list_tasks = providers.Singleton(ListTasks, repository)
    update_task = providers.Singleton(UpdateTask, update, admission)
    queue_positions = providers.Singleton(QueuePositions, repository)
    cancel_task = providers.Singleton(CancelTask, update, clock)
    retry_task = providers.Singleton(RetryTask, update, store_clock)
    bulk_action = providers.Singleton(BulkAction, repository, store_clock)
    wait_for_task = providers.Singleton(WaitForTask, repository, event_stream, clock)
    follow_tasks = providers.Singleton(FollowTasks, repository, event_stream, clock)
    read_log = providers.Singleton(ReadLog, repository, run_log)
    list_types = providers.Singleton(ListTypes, handlers)
    list_queues = providers.Singleton(ListQueues, queues, heartbeats, store_clock)
    pause_queue = providers.Singleton(PauseQueue, queues, wake_ups, list_queues)
    remove_queue = providers.Singleton(RemoveQueue, queues, list_queues)
    warn_about_queues = providers.Singleton(WarnAboutQueues, heartbeats, clock)
    find_unserved_queues = providers.Singleton(FindUnservedQueues, queues, heartbeats, clock, settings.provided.lease)
    list_workers = providers.Singleton(ListWorkers, heartbeats, leases)
    get_statistics = providers.Singleton(GetStatistics, statistics)
    prune_idempotency_records = providers.Singleton(PruneIdempotencyRecords, idempotency_records, repository, clock)
    delete_task = providers.Singleton(DeleteTask, repository, update, clock)
    recover_tasks = providers.Singleton(RecoverTasks, repository, leases, store_clock)
    promote_tasks = providers.Singleton(PromoteTasks, repository, store_clock)
    expire_tasks = providers.Singleton(ExpireTasks, repository, store_clock)
    guard_capacity = providers.Singleton(GuardCapacity, store_probe)
    prune_tasks = providers.Singleton(PruneTasks, repository, settings.provided.retention)
    release_runs = providers.Singleton(ReleaseRuns, leases, update, store_clock)
    watch_runs = providers.Singleton(WatchRuns, leases, store_clock)
    lease_deliveries = providers.Singleton(LeaseDeliveries, outbox)
    deliver_webhook = providers.Singleton(DeliverWebhook, outbox, webhook_sender, store_clock)
    list_deliveries = providers.Singleton(ListDeliveries, repository, outbox)
    resend_delivery = providers.Singleton(ResendDelivery, repository, outbox)
    check_store = providers.Singleton(CheckStore, store_probe)
    send_heartbeat = providers.Singleton(SendHeartbeat, heartbeats)
    check_health = providers.Singleton(
        CheckHealth,
        store_probe,
        heartbeats,
        host=socket.gethostname(),
        must_be_safe=settings.provided.is_production,
    )
    run_handler = providers.Singleton(
        RunHandler,
        handlers,
        run_context_factory,
        interrupt,
        max_result_bytes=settings.provided.max_result_bytes,
        limit_name="TASKS_MAX_RESULT_BYTES",
    )
    finish_run = providers.Singleton(FinishRun, update, clock)
    run_tasks = providers.Factory(
        RunTasks, leases=leases, run_handler=run_handler, finish_run=finish_run, keeper=lease_keeper, clock=clock
    )


def build_container(
    settings: Settings,
    *,
    fail_fast: bool = False,
    keep_connections: bool = False,
    let_others_run: Callable[[], None] = go_on,
) -> Container:
    """Raises InvalidSettings when the settings name no Redis. `fail_fast` and `keep_connections`: see RedisStore.

    `let_others_run` is called between the parts of long work, for a process that serves many callers in one thread.
    """
    settings.require_redis()
    return Container(
        settings=settings,
        fail_fast=fail_fast,
        keep_connections=keep_connections,
        let_others_run=providers.Object(let_others_run),
    )


def build_child_container(settings: Settings, process: TaskProcess) -> Container:
    """For a process that runs tasks."""
    settings.require_redis()
    return Container(settings=settings, keep_connections=True, task_process=process)


def build_worker(settings: Settings) -> CeleryWorker:
    """A worker whose children build their own container: a fork must not share connections, threads or locks."""
    container = build_container(settings)
    hide_secrets()
    find_handlers(settings)  # the children import nothing then, and a wrong setting stops the start
    process = describe_process("worker", queues=settings.queues, concurrency=settings.worker_concurrency)
    return CeleryWorker(
        container.celery_app(),
        run_task_in_child=lambda owner, process: build_child_container(settings, process).run_tasks(owner=owner),
        settle=container.release_runs(),
        watch=container.watch_runs(),
        heartbeat=container.send_heartbeat(),
        node=NodeLock(_private_folder(settings, "workers"), process.name),
        process=process,
        lease=settings.lease,
        grace=settings.shutdown_grace,
        retirement=Retirement(settings.child_max_runs, settings.child_max_memory << 20),
    )


def _private_folder(settings: Settings, name: str) -> Path:
    """Create a folder in the data directory, both for this user only. Raises InvalidSettings.

    A folder of another user is refused: a forged lock in it would call a living worker dead.
    """
    folder = settings.data_dir / name
    try:
        make_private(settings.data_dir)
        make_private(folder)
        owner = folder.stat().st_uid
    except OSError as error:
        raise InvalidSettings(
            [
                f"TASKS_DATA_DIR is {str(settings.data_dir)!r}, which cannot be used: {error.strerror}. "
                "Set it to a folder that you may write."
            ]
        ) from error
    if owner != os.geteuid():
        raise InvalidSettings(
            [
                f"TASKS_DATA_DIR is {str(settings.data_dir)!r}, and its folder {name!r} belongs to user {owner}, "
                f"not to you (user {os.geteuid()}). Set it to a folder of your own."
            ]
        )
    return folder


def describe_process(role: str, *, queues: tuple[str, ...] = (), concurrency: int = 0) -> ServiceProcess:
    """This process, under a name of its own."""
    host, pid = socket.gethostname(), os.getpid()
    name = f"{host}-{pid}-{uuid.uuid4().hex[:12]}"
    return ServiceProcess(role=role, name=name, host=host, pid=pid, queues=queues, concurrency=concurrency)
