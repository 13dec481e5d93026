"""Examples of bodies and responses, for the specification."""

A_BODY = {"task_name": "test", "duration": 3}
A_TASK = {
    "task_id": "019bb5b1-7bd2-7c8e-8f1e-3a5c9d2b7e10",
    "task_name": "test",
    "type": "sleep",
    "duration": 3,
    "status": "COMPLETED",
    "submitted_at": "2026-01-13 06:53:09",
    "started_at": "2026-01-13T06:53:09.125Z",
    "finished_at": "2026-01-13T06:53:12.131Z",
    "result": "Task completed in 3 seconds",
    "attempt": 1,
    "max_attempts": 1,
    "queue": "default",
    "priority": 5,
    "labels": {"team": "billing"},
    "timeout": 63,
    "retry": {
        "max_attempts": 1,
        "initial_delay": 1,
        "factor": 2,
        "max_delay": 300,
        "jitter": 0.1,
    },
    "version": 3,
    "links": {
        "self": "/tasks/019bb5b1-7bd2-7c8e-8f1e-3a5c9d2b7e10",
        "events": "/tasks/019bb5b1-7bd2-7c8e-8f1e-3a5c9d2b7e10/events",
    },
}
ABSENT_WHEN_NEW = {"started_at", "finished_at", "result"}
A_NEW_TASK = {name: value for name, value in A_TASK.items() if name not in ABSENT_WHEN_NEW} | {
    "status": "QUEUED",
    "attempt": 0,
    "version": 1,
}
A_LIST = {
    "pagination": {"current_page": 1, "page_size": 10, "total_pages": 1, "total_tasks": 1},
    "tasks": [A_TASK],
}
A_DELIVERY = {
    "number": 1,
    "message_id": "msg_019bb5b17bd27c8e8f1e3a5c9d2b7e10_3",
    "event": "task.completed",
    "time": "2026-01-13T06:53:12.402Z",
    "status": 503,
    "outcome": "to_be_retried",
    "next_try": "2026-01-13T06:53:17.402Z",
}
AN_ATTEMPT = {
    "number": 1,
    "outcome": "failed",
    "queued_at": "2026-01-13T06:53:09.000Z",
    "started_at": "2026-01-13T06:53:09.125Z",
    "ended_at": "2026-01-13T06:53:10.640Z",
    "worker": "host-4711-5f0c1d2e3a4b",
    "error": {"code": "handler_error", "message": "ConnectionError: refused"},
    "next_attempt_at": "2026-01-13T06:53:14.640Z",
}
A_CHANGE = {
    "version": 2,
    "event": "task.updated",
    "time": "2026-01-13T06:53:10.640Z",
    "actor": {"kind": "key", "key_id": "4f9a0b1c2d3e", "name": "nightly", "address": "10.0.0.7"},
    "changes": [{"member": "priority", "before": 5, "after": 9}],
}
A_SCHEDULE_BODY = {
    "cron": "30 2 * * 1-5",
    "timezone": "Europe/Berlin",
    "task": {"task_name": "nightly report", "duration": 3},
    "overlap": "skip",
}
A_SCHEDULE = {
    "name": "nightly-report",
    "cron": "30 2 * * 1-5",
    "timezone": "Europe/Berlin",
    "task": {
        "task_name": "nightly report",
        "type": "sleep",
        "duration": 3,
        "queue": "default",
        "priority": 5,
        "retry": A_TASK["retry"],
        "labels": {},
    },
    "overlap": "skip",
    "catch_up": 1,
    "jitter": 0,
    "paused": False,
    "next_runs": ["2026-01-14T01:30:00.000Z", "2026-01-15T01:30:00.000Z"],
    "last_run": {
        "slot": "2026-01-13T01:30:00.000Z",
        "task_id": A_TASK["task_id"],
        "status": "COMPLETED",
    },
    "made": 1,
    "skipped": 0,
    "created_at": "2026-01-12T15:04:05.000Z",
    "updated_at": "2026-01-12T15:04:05.271Z",
    "version": 1,
}
A_STREAM = """id: 1768287189125-0
event: task.snapshot
data: {"task_id": "019bb5b1-7bd2-7c8e-8f1e-3a5c9d2b7e10", "status": "PROCESSING"}

id: 1768287192131-0
event: task.completed
data: {"task_id": "019bb5b1-7bd2-7c8e-8f1e-3a5c9d2b7e10", "status": "COMPLETED"}

"""
