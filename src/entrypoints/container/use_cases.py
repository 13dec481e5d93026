"""Give each use case its ports."""

import socket
import threading

from dependency_injector import providers

from application.admission import Admission
from application.handler_outcomes import HandlerOutcomes
from application.new_tasks import NewTasks
from application.optimistic_update import OptimisticUpdate
from application.ports.callers import Anyone, Callers
from application.ports.schedules import Schedules
from application.ports.task_counts import TaskCounts
from application.ports.task_pages import TaskPages
from application.ports.task_repository import TaskRepository
from application.schedule_rules import ScheduleRules
from application.schedule_tasks import ScheduleTasks
from application.scoped.schedules import ScopedSchedules
from application.scoped.task_counts import ScopedTaskCounts
from application.scoped.task_pages import ScopedTaskPages
from application.scoped.task_repository import ScopedTaskRepository
from application.use_cases.access.authenticate import Authenticate
from application.use_cases.access.limit_rate import LimitRate
from application.use_cases.access.link_tasks import LinkTasks
from application.use_cases.access.manage_keys import ManageKeys
from application.use_cases.access.sessions import Sessions
from application.use_cases.maintenance.deliver_webhook import DeliverWebhook
from application.use_cases.maintenance.expire_tasks import ExpireTasks
from application.use_cases.maintenance.find_unserved_queues import FindUnservedQueues
from application.use_cases.maintenance.guard_capacity import GuardCapacity
from application.use_cases.maintenance.promote_tasks import PromoteTasks
from application.use_cases.maintenance.prune_idempotency_records import PruneIdempotencyRecords
from application.use_cases.maintenance.prune_tasks import PruneTasks
from application.use_cases.maintenance.recover_tasks import RecoverTasks
from application.use_cases.maintenance.start_due_slots import StartDueSlots
from application.use_cases.maintenance.sum_up_series import SumUpSeries
from application.use_cases.operations.check_health import CheckHealth
from application.use_cases.operations.check_store import CheckStore
from application.use_cases.operations.claim_layout import ClaimLayout
from application.use_cases.operations.collect_metrics import CollectMetrics
from application.use_cases.operations.diagnose import Diagnose
from application.use_cases.operations.export_tasks import ExportTasks
from application.use_cases.operations.get_scaling import GetScaling
from application.use_cases.operations.get_series import GetSeries
from application.use_cases.operations.get_statistics import GetStatistics
from application.use_cases.operations.import_tasks import ImportTasks
from application.use_cases.operations.list_deliveries import ListDeliveries
from application.use_cases.operations.list_queues import ListQueues
from application.use_cases.operations.list_workers import ListWorkers
from application.use_cases.operations.pause_queue import PauseQueue
from application.use_cases.operations.remove_queue import RemoveQueue
from application.use_cases.operations.send_heartbeat import SendHeartbeat
from application.use_cases.operations.warn_about_queues import WarnAboutQueues
from application.use_cases.schedules.read_schedules import PreviewSchedule, ReadSchedules
from application.use_cases.schedules.run_schedule import RunSchedule
from application.use_cases.schedules.write_schedules import (
    DeleteSchedule,
    PutSchedule,
    UpdateSchedule,
)
from application.use_cases.tasks.bulk_action import BulkAction
from application.use_cases.tasks.cancel_task import CancelTask
from application.use_cases.tasks.count_tasks import CountTasks
from application.use_cases.tasks.delete_task import DeleteTask
from application.use_cases.tasks.find_violations import FindViolations
from application.use_cases.tasks.follow_tasks import FollowTasks
from application.use_cases.tasks.get_task import GetTask
from application.use_cases.tasks.list_tasks import ListTasks
from application.use_cases.tasks.read_attempts import ReadAttempts
from application.use_cases.tasks.read_details import ReadDetails
from application.use_cases.tasks.read_history import ReadHistory
from application.use_cases.tasks.resend_delivery import ResendDelivery
from application.use_cases.tasks.retry_task import RetryTask
from application.use_cases.tasks.submit_batch import SubmitBatch
from application.use_cases.tasks.submit_task import SubmitTask
from application.use_cases.tasks.update_task import UpdateTask
from application.use_cases.tasks.wait_for_task import WaitForTask
from application.use_cases.worker.finish_run import FinishRun
from application.use_cases.worker.release_runs import ReleaseRuns
from application.use_cases.worker.run_handler import RunHandler
from application.use_cases.worker.run_tasks import RunTasks
from application.use_cases.worker.trace_run import TraceRun
from application.use_cases.worker.watch_runs import WatchRuns
from entrypoints.container.adapters import Adapters


def scoped_tasks(tasks: TaskRepository, callers: Callers) -> TaskRepository:
    return tasks if isinstance(callers, Anyone) else ScopedTaskRepository(tasks, callers)


def scoped_schedules(schedules: Schedules, callers: Callers) -> Schedules:
    return schedules if isinstance(callers, Anyone) else ScopedSchedules(schedules, callers)


def scoped_pages(pages: TaskPages, callers: Callers) -> TaskPages:
    return pages if isinstance(callers, Anyone) else ScopedTaskPages(pages, callers)


def scoped_counts(task_counts: TaskCounts, callers: Callers) -> TaskCounts:
    return task_counts if isinstance(callers, Anyone) else ScopedTaskCounts(task_counts, callers)


class Container(Adapters):
    """Build every use case with its adapters. Nothing connects before the first call."""

    tasks = providers.Singleton(scoped_tasks, Adapters.repository, Adapters.callers)
    """The tasks that the present caller has. Workers and maintenance have all."""
    task_pages_of_caller = providers.Singleton(scoped_pages, Adapters.task_pages, Adapters.callers)
    task_counts_of_caller = providers.Singleton(
        scoped_counts, Adapters.task_counts, Adapters.callers
    )
    update = providers.Singleton(OptimisticUpdate, tasks)
    admission = providers.Singleton(
        Admission,
        Adapters.handlers,
        Adapters.webhook_sender,
        max_payload_bytes=Adapters.settings.provided.max_body_bytes,
        no_callbacks=Adapters.settings.provided.no_callbacks,
        callers=Adapters.callers,
        let_others_run=Adapters.let_others_run,
    )

    authenticate = providers.Singleton(
        Authenticate,
        Adapters.access_keys,
        Adapters.clock,
        Adapters.settings.provided.link_secret,
    )
    link_tasks = providers.Singleton(
        LinkTasks, tasks, Adapters.settings.provided.link_secret, Adapters.clock
    )
    manage_keys = providers.Singleton(
        ManageKeys, Adapters.access_keys, Adapters.secret_source, Adapters.clock
    )
    limit_rate = providers.Singleton(LimitRate, Adapters.rate_limits, Adapters.clock)
    sessions = providers.Singleton(Sessions, Adapters.access_keys, Adapters.secret_source)

    new_tasks = providers.Singleton(
        NewTasks, tasks, Adapters.task_ids, Adapters.clock, Adapters.callers, Adapters.tracer
    )
    submit_task = providers.Singleton(SubmitTask, admission, new_tasks)
    submit_batch = providers.Singleton(SubmitBatch, admission, new_tasks, Adapters.let_others_run)
    find_violations = providers.Singleton(FindViolations, admission)
    get_task = providers.Singleton(GetTask, tasks)
    list_tasks = providers.Singleton(ListTasks, tasks, task_pages_of_caller)
    count_tasks = providers.Singleton(CountTasks, task_counts_of_caller)
    update_task = providers.Singleton(UpdateTask, update, admission)
    cancel_task = providers.Singleton(CancelTask, update, Adapters.clock)
    retry_task = providers.Singleton(RetryTask, update, Adapters.store_clock)
    bulk_action = providers.Singleton(BulkAction, tasks, Adapters.store_clock)
    wait_for_task = providers.Singleton(
        WaitForTask, Adapters.event_stream, Adapters.clock, Adapters.callers
    )
    follow_tasks = providers.Singleton(
        FollowTasks,
        Adapters.repository,
        Adapters.event_stream,
        Adapters.clock,
        Adapters.run_log,
        Adapters.callers,
    )
    read_details = providers.Singleton(ReadDetails, tasks, Adapters.run_log, Adapters.outbox)
    read_history = providers.Singleton(ReadHistory, tasks, Adapters.task_history)
    read_attempts = providers.Singleton(ReadAttempts, tasks, Adapters.attempt_log)
    schedules_of_caller = providers.Singleton(
        scoped_schedules, Adapters.schedules, Adapters.callers
    )
    schedule_tasks = providers.Singleton(ScheduleTasks, Adapters.schedules, Adapters.tracer)
    schedule_rules = providers.Singleton(ScheduleRules, Adapters.cron_times, admission)
    read_schedules = providers.Singleton(
        ReadSchedules, schedules_of_caller, Adapters.repository, schedule_rules
    )
    preview_schedule = providers.Singleton(PreviewSchedule, schedule_rules, Adapters.store_clock)
    update_schedule = providers.Singleton(
        UpdateSchedule, schedules_of_caller, schedule_rules, Adapters.store_clock
    )
    put_schedule = providers.Singleton(
        PutSchedule, schedules_of_caller, schedule_rules, update_schedule, Adapters.store_clock
    )
    delete_schedule = providers.Singleton(DeleteSchedule, schedules_of_caller)
    run_schedule = providers.Singleton(
        RunSchedule,
        schedules_of_caller,
        schedule_tasks,
        Adapters.task_ids,
        Adapters.store_clock,
        Adapters.callers,
    )
    start_due_slots = providers.Singleton(
        StartDueSlots,
        Adapters.schedules,
        schedule_tasks,
        Adapters.repository,
        update,
        Adapters.cron_times,
        Adapters.store_clock,
    )
    list_queues = providers.Singleton(
        ListQueues, Adapters.queues, Adapters.heartbeats, Adapters.store_clock, Adapters.callers
    )
    get_scaling = providers.Singleton(
        GetScaling,
        Adapters.queues,
        Adapters.heartbeats,
        Adapters.leases,
        Adapters.series,
        Adapters.store_clock,
    )
    pause_queue = providers.Singleton(PauseQueue, Adapters.queues, Adapters.wake_ups, list_queues)
    remove_queue = providers.Singleton(RemoveQueue, Adapters.queues, list_queues)
    warn_about_queues = providers.Singleton(WarnAboutQueues, Adapters.heartbeats, Adapters.clock)
    find_unserved_queues = providers.Singleton(
        FindUnservedQueues,
        Adapters.queues,
        Adapters.heartbeats,
        Adapters.clock,
        Adapters.settings.provided.lease,
    )
    list_workers = providers.Singleton(ListWorkers, Adapters.heartbeats, Adapters.leases)
    get_statistics = providers.Singleton(GetStatistics, Adapters.statistics, Adapters.store_probe)
    get_series = providers.Singleton(GetSeries, Adapters.series, Adapters.let_others_run)
    sum_up_series = providers.Singleton(SumUpSeries, Adapters.series, Adapters.clock)
    prune_idempotency_records = providers.Singleton(
        PruneIdempotencyRecords, Adapters.idempotency_records, Adapters.repository, Adapters.clock
    )
    delete_task = providers.Singleton(DeleteTask, tasks, update, Adapters.clock)
    recover_tasks = providers.Singleton(
        RecoverTasks, Adapters.repository, Adapters.leases, Adapters.store_clock, Adapters.tracer
    )
    promote_tasks = providers.Singleton(PromoteTasks, Adapters.repository, Adapters.store_clock)
    expire_tasks = providers.Singleton(ExpireTasks, Adapters.repository, Adapters.store_clock)
    guard_capacity = providers.Singleton(GuardCapacity, Adapters.store_probe)
    prune_tasks = providers.Singleton(
        PruneTasks, Adapters.repository, Adapters.settings.provided.retention
    )
    release_runs = providers.Singleton(
        ReleaseRuns, Adapters.leases, update, Adapters.store_clock, Adapters.tracer
    )
    watch_runs = providers.Singleton(WatchRuns, Adapters.leases, Adapters.store_clock)
    deliver_webhook = providers.Singleton(
        DeliverWebhook,
        Adapters.outbox,
        Adapters.webhook_sender,
        Adapters.store_clock,
        providers.Factory(threading.Lock),
    )
    resend_delivery = providers.Singleton(ResendDelivery, tasks, Adapters.outbox)
    list_deliveries = providers.Singleton(ListDeliveries, Adapters.delivery_log)
    collect_metrics = providers.Singleton(
        CollectMetrics,
        Adapters.statistics,
        Adapters.series,
        Adapters.queues,
        Adapters.heartbeats,
        Adapters.leases,
        Adapters.delivery_log,
        Adapters.event_stream,
        Adapters.store_probe,
        Adapters.clock,
        Adapters.store_clock,
    )
    check_store = providers.Singleton(CheckStore, Adapters.store_probe)
    claim_layout = providers.Singleton(ClaimLayout, Adapters.store_layout)
    diagnose = providers.Singleton(
        Diagnose,
        Adapters.store_inspection,
        Adapters.store_probe,
        Adapters.store_layout,
        Adapters.clock,
        Adapters.heartbeats,
        Adapters.queues,
        Adapters.statistics,
        Adapters.task_counts,
        Adapters.delivery_log,
    )
    export_tasks = providers.Singleton(
        ExportTasks,
        Adapters.repository,
        Adapters.task_archive,
        Adapters.queues,
        Adapters.schedules,
        Adapters.store_clock,
    )
    import_tasks = providers.Singleton(
        ImportTasks,
        Adapters.task_archive,
        Adapters.queues,
        Adapters.schedules,
        Adapters.store_clock,
    )
    send_heartbeat = providers.Singleton(SendHeartbeat, Adapters.heartbeats)
    check_health = providers.Singleton(
        CheckHealth,
        Adapters.store_probe,
        Adapters.heartbeats,
        host=socket.gethostname(),
        must_be_safe=Adapters.settings.provided.is_production,
    )
    handler_outcomes = providers.Singleton(
        HandlerOutcomes,
        max_result_bytes=Adapters.settings.provided.max_result_bytes,
        limit_name="TASKS_MAX_RESULT_BYTES",
    )
    trace_run = providers.Singleton(TraceRun, Adapters.tracer, Adapters.attempt_log)
    run_handler = providers.Singleton(
        RunHandler,
        Adapters.handlers,
        Adapters.run_context_factory,
        Adapters.interrupt,
        trace_run,
        handler_outcomes,
    )
    finish_run = providers.Singleton(FinishRun, update, Adapters.clock)
    run_tasks = providers.Factory(
        RunTasks,
        leases=Adapters.leases,
        run_handler=run_handler,
        finish_run=finish_run,
        keeper=Adapters.lease_keeper,
        clock=Adapters.clock,
    )
