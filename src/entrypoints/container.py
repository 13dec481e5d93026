"""The composition root: the one place that knows which adapter stands behind which port."""

import os
import socket
import uuid
from collections.abc import Callable, Sequence
from pathlib import Path

from dependency_injector import containers, providers

from adapters.celery.app import create_celery_app
from adapters.celery.lease_keeper import TimerLeaseKeeper
from adapters.celery.node_lock import NodeLock
from adapters.celery.retirement import Retirement
from adapters.celery.run_interrupt import SignalRunInterrupt
from adapters.celery.task_queue import CeleryTaskQueue, TokenFactory
from adapters.celery.worker import CeleryWorker
from adapters.descendants import Descendants
from adapters.handlers.discovery import UnusableHandlers, find_functions
from adapters.handlers.http_call import HttpCall
from adapters.handlers.isolated_handler import IsolatedHandler
from adapters.handlers.python_function import PythonFunction
from adapters.handlers.registry import HandlerRegistry
from adapters.handlers.sleep import SleepHandler
from adapters.linux import is_stopped
from adapters.outbound_http import OutboundHttp
from adapters.process_family import kill_family
from adapters.redis.client import RedisStore, connect, connect_blocking
from adapters.redis.clock import RedisClock
from adapters.redis.event_stream import RedisEventStream
from adapters.redis.heartbeats import RedisHeartbeats
from adapters.redis.outbox import RedisOutbox
from adapters.redis.queues import RedisQueues
from adapters.redis.receipts import RedisReceipts
from adapters.redis.run_reports import RedisRunReports
from adapters.redis.statistics import RedisStatistics
from adapters.redis.store_probe import RedisStoreProbe
from adapters.redis.task_leases import RedisTaskLeases
from adapters.redis.task_repository import RedisTaskRepository
from adapters.run_reporter import RunReporter
from adapters.signature import Signature, http_secret
from adapters.system_clock import SystemClock
from adapters.task_process import TaskProcess
from adapters.uuid_task_ids import UuidTaskIds
from adapters.webhooks import WebhookSender
from application.admission import Admission
from application.decision import Decision
from application.ports.heartbeats import ServiceProcess
from application.ports.task_handlers import TaskHandler
from application.use_cases.act_on_tasks import ActOnTasks
from application.use_cases.await_task import AwaitTask
from application.use_cases.cancel_task import CancelTask
from application.use_cases.check_health import CheckHealth
from application.use_cases.check_store import CheckStore
from application.use_cases.delete_task import DeleteTask
from application.use_cases.deliver_callback import DeliverCallback
from application.use_cases.expire_tasks import ExpireTasks
from application.use_cases.find_misfits import FindMisfits
from application.use_cases.follow_tasks import FollowTasks
from application.use_cases.forget_receipts import ForgetReceipts
from application.use_cases.get_task import GetTask
from application.use_cases.guard_capacity import GuardCapacity
from application.use_cases.list_deliveries import ListDeliveries
from application.use_cases.list_queues import ListQueues
from application.use_cases.list_tasks import ListTasks
from application.use_cases.list_types import ListTypes
from application.use_cases.list_workers import ListWorkers
from application.use_cases.locate_tasks import LocateTasks
from application.use_cases.measure_tasks import MeasureTasks
from application.use_cases.pause_queue import PauseQueue
from application.use_cases.promote_tasks import PromoteTasks
from application.use_cases.prune_tasks import PruneTasks
from application.use_cases.read_log import ReadLog
from application.use_cases.recover_tasks import RecoverTasks
from application.use_cases.remove_queue import RemoveQueue
from application.use_cases.resend_callback import ResendCallback
from application.use_cases.retry_task import RetryTask
from application.use_cases.run_task import RunTask
from application.use_cases.send_heartbeat import SendHeartbeat
from application.use_cases.settle_runs import SettleRuns
from application.use_cases.submit_tasks import SubmitTasks
from application.use_cases.take_callbacks import TakeCallbacks
from application.use_cases.update_task import UpdateTask
from application.use_cases.warn_of_queues import WarnOfQueues
from application.use_cases.watch_queues import WatchQueues
from application.use_cases.watch_runs import WatchRuns
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
    tokens = providers.Singleton(TokenFactory, celery_app)

    process_is_stopped = providers.Object(is_stopped)
    kill_family = providers.Object(kill_family)

    clock = providers.Singleton(SystemClock)
    store_clock = providers.Singleton(RedisClock, store)
    task_ids = providers.Singleton(UuidTaskIds)
    repository = providers.Singleton(
        RedisTaskRepository,
        store,
        tokens.provided.token_of,
        settings.provided.events_kept,
        max_queues=settings.provided.max_queues,
        own_queues=settings.provided.queues,
        let_others_run=let_others_run,
    )
    leases = providers.Singleton(
        RedisTaskLeases,
        store,
        repository,
        tokens.provided.token_of,
        settings.provided.lease,
        settings.provided.events_kept,
    )
    task_queue = providers.Singleton(CeleryTaskQueue, store, tokens)
    heartbeats = providers.Singleton(RedisHeartbeats, store)
    store_probe = providers.Singleton(RedisStoreProbe, store, on_this_host=settings.provided.redis_is_on_this_host)
    queues = providers.Singleton(RedisQueues, store, tokens.provided.token_of)
    statistics = providers.Singleton(RedisStatistics, store, let_others_run)
    receipts = providers.Singleton(RedisReceipts, store)
    event_stream = providers.Singleton(
        RedisEventStream, store, providers.Singleton(connect_blocking, settings.provided.redis_url)
    )
    reports = providers.Singleton(RedisRunReports, store, settings.provided.events_kept)
    interrupt = providers.Singleton(SignalRunInterrupt)
    lease_keeper = providers.Singleton(TimerLeaseKeeper, leases, settings.provided.lease, task_process)
    run_contexts = providers.Singleton(RunReporter, reports, interrupt, task_process)
    handlers = providers.Singleton(find_handlers, settings, task_process)
    decision = providers.Singleton(Decision, repository)
    outbox = providers.Singleton(RedisOutbox, store)
    callback_sender = providers.Singleton(
        WebhookSender,
        providers.Singleton(OutboundHttp, settings.provided.http_allowed_networks),
        providers.Singleton(Signature, settings.provided.callback_secret),
        clock,
    )

    admission = providers.Singleton(Admission, handlers, callback_sender, may_call_back=settings.provided.may_call_back)

    submit_tasks = providers.Singleton(SubmitTasks, repository, admission, task_ids, clock, let_others_run)
    find_misfits = providers.Singleton(FindMisfits, admission)
    get_task = providers.Singleton(GetTask, repository)
    list_tasks = providers.Singleton(ListTasks, repository)
    update_task = providers.Singleton(UpdateTask, decision, admission)
    locate_tasks = providers.Singleton(LocateTasks, repository)
    cancel_task = providers.Singleton(CancelTask, decision, clock)
    retry_task = providers.Singleton(RetryTask, decision, store_clock)
    act_on_tasks = providers.Singleton(ActOnTasks, repository, store_clock)
    await_task = providers.Singleton(AwaitTask, repository, event_stream, clock)
    follow_tasks = providers.Singleton(FollowTasks, repository, event_stream, clock)
    read_log = providers.Singleton(ReadLog, repository, reports)
    list_types = providers.Singleton(ListTypes, handlers)
    list_queues = providers.Singleton(ListQueues, queues, heartbeats, store_clock)
    pause_queue = providers.Singleton(PauseQueue, queues, task_queue, list_queues)
    remove_queue = providers.Singleton(RemoveQueue, queues, list_queues)
    warn_of_queues = providers.Singleton(WarnOfQueues, heartbeats, clock)
    watch_queues = providers.Singleton(WatchQueues, queues, heartbeats, clock, settings.provided.lease)
    list_workers = providers.Singleton(ListWorkers, heartbeats, leases)
    measure_tasks = providers.Singleton(MeasureTasks, statistics)
    forget_receipts = providers.Singleton(ForgetReceipts, receipts, repository, clock)
    delete_task = providers.Singleton(DeleteTask, repository, decision, clock)
    recover_tasks = providers.Singleton(RecoverTasks, repository, leases, store_clock)
    promote_tasks = providers.Singleton(PromoteTasks, repository, store_clock)
    expire_tasks = providers.Singleton(ExpireTasks, repository, store_clock)
    guard_capacity = providers.Singleton(GuardCapacity, store_probe)
    prune_tasks = providers.Singleton(PruneTasks, repository, settings.provided.retention)
    settle_runs = providers.Singleton(SettleRuns, leases, decision, store_clock)
    watch_runs = providers.Singleton(WatchRuns, leases, store_clock)
    take_callbacks = providers.Singleton(TakeCallbacks, outbox)
    deliver_callback = providers.Singleton(DeliverCallback, outbox, callback_sender, store_clock)
    list_deliveries = providers.Singleton(ListDeliveries, repository, outbox)
    resend_callback = providers.Singleton(ResendCallback, repository, outbox)
    check_store = providers.Singleton(CheckStore, store_probe)
    send_heartbeat = providers.Singleton(SendHeartbeat, heartbeats)
    check_health = providers.Singleton(
        CheckHealth,
        store_probe,
        heartbeats,
        host=socket.gethostname(),
        must_be_safe=settings.provided.is_production,
    )
    run_task = providers.Factory(
        RunTask,
        leases=leases,
        decision=decision,
        handlers=handlers,
        contexts=run_contexts,
        keeper=lease_keeper,
        interrupt=interrupt,
        clock=clock,
        max_result_bytes=settings.provided.max_result_bytes,
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
        run_task_in_child=lambda owner, process: build_child_container(settings, process).run_task(owner=owner),
        settle=container.settle_runs(),
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
