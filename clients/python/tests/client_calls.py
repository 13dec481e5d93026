"""A call of each operation of the client, with all that it can send."""

from datetime import UTC, datetime
from typing import Any

from task_manager_client import (
    bodies,
    history_calls,
    key_operations,
    operations,
    schedule_operations,
)
from task_manager_client.calls import Call

EVERY_FILTER: bodies.Filter = {
    "status": ["QUEUED", "FAILED"],
    "type": "t",
    "queue": "q",
    "labels": {"a": "b"},
    "submitted_after": "x",
    "submitted_before": "y",
    "task_name": "n",
    "q": "text",
}
TASK: bodies.NewTask = {"task_name": "n"}
SCHEDULE: bodies.ScheduleSettings = {"every": 1, "task": TASK}
CALLS: dict[str, list[Call[Any]]] = {
    "listTasks": [
        operations.list_tasks(
            EVERY_FILTER, page=1, page_size=2, cursor="c", sort="-submitted_at", full=True
        )
    ],
    "submitTask": [operations.submit_task(TASK, "key")],
    "getTask": [
        operations.get_task("id", wait=1),
        operations.get_task_if_changed("id", '"1"'),
    ],
    "replaceTask": [operations.replace_task("id", TASK, '"1"')],
    "updateTask": [operations.update_task("id", {}, 1)],
    "deleteTask": [operations.delete_task("id", cancel=True)],
    "cancelTask": [operations.cancel_task("id")],
    "retryTask": [operations.retry_task("id")],
    "listAttempts": [operations.list_attempts("id")],
    "getHistory": [history_calls.get_history("id", page_size=1, cursor="c")],
    "countTasks": [
        operations.count_tasks({k: v for k, v in EVERY_FILTER.items() if k != "status"})
    ],
    "listAllDeliveries": [
        operations.list_all_deliveries(outcome=["delivered"], task_id="id", page_size=1, cursor="c")
    ],
    "getStatisticsSeries": [operations.get_statistics_series(span="5m", by="type")],
    "getTaskLog": [operations.get_task_log("id", after=1)],
    "listDeliveries": [operations.list_deliveries("id")],
    "resendDelivery": [operations.resend_delivery("id", 1)],
    "submitBatch": [operations.submit_batch(b"[]", "key")],
    "actOnTasks": [
        operations.act_on_tasks("cancel", ids=["id"], dry_run=True),
        operations.act_on_tasks("cancel", wanted=EVERY_FILTER, dry_run=True),
    ],
    "followTask": [operations.follow_task("id", "1-0", logs=True)],
    "followTasks": [operations.follow_tasks(EVERY_FILTER, "1-0")],
    "listSchedules": [schedule_operations.list_schedules(page_size=1, cursor="c")],
    "previewSchedule": [schedule_operations.preview_schedule({"every": 1})],
    "getSchedule": [schedule_operations.get_schedule("id")],
    "putSchedule": [
        schedule_operations.put_schedule("id", SCHEDULE, 1),
        schedule_operations.put_schedule("id", SCHEDULE, only_new=True),
    ],
    "updateSchedule": [schedule_operations.update_schedule("id", {}, '"1"')],
    "deleteSchedule": [schedule_operations.delete_schedule("id")],
    "runSchedule": [schedule_operations.run_schedule("id", "key")],
    "pauseSchedule": [schedule_operations.pause_schedule("id")],
    "resumeSchedule": [schedule_operations.resume_schedule("id")],
    "listQueues": [operations.list_queues()],
    "pauseQueue": [operations.pause_queue("id")],
    "resumeQueue": [operations.resume_queue("id")],
    "getScaling": [operations.get_scaling("id", drain_seconds=60)],
    "removeQueue": [operations.remove_queue("id")],
    "listWorkers": [operations.list_workers()],
    "listTypes": [operations.list_types()],
    "getStatistics": [operations.get_statistics()],
    "getSession": [key_operations.get_session()],
    "listKeys": [key_operations.list_keys()],
    "createKey": [
        key_operations.create_key(
            "n",
            "viewer",
            queues=["q"],
            labels={"a": "b"},
            expires_at=datetime.now(UTC),
            rate_limit="1/day",
        )
    ],
    "revokeKey": [key_operations.revoke_key("id")],
    "rotateKey": [key_operations.rotate_key("id", keep_seconds=1)],
    "createLink": [key_operations.create_link("id", expires_in=1, actions=["read"])],
    "getLiveness": [operations.get_liveness()],
    "getReadiness": [operations.get_readiness()],
    "getMetrics": [operations.get_metrics()],
}
