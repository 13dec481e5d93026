"""/tasks: submit, list, read, change, cancel, retry and delete."""

from collections.abc import Mapping, Sequence
from typing import Any

from flask import Response, g, request
from flask.views import MethodView

from application.ports.task_repository import IdempotencyRecord, PageRequest
from application.task_filter import TaskFilter
from application.task_serializer import serialize_task
from domain.task import Task
from domain.task_spec import TaskPatch, TaskSpec
from entrypoints.api import headers
from entrypoints.api.answers import (
    DeliveriesAnswer,
    LogAnswer,
    SubmittedAnswer,
    TaskAnswer,
    TaskListAnswer,
    answer,
    listed,
    next_cursor,
    page_parts,
    serialize_delivery,
    serialize_log_line,
    serialize_page,
)
from entrypoints.api.arguments import json_body
from entrypoints.api.blueprints import StrictBlueprint, use_cases
from entrypoints.api.bodies import TaskBody, TaskPatchBody
from entrypoints.api.capacity import long_answers
from entrypoints.api.queries import DeleteQuery, ListQuery, WaitQuery
from entrypoints.api.strict_json import request_hash
from entrypoints.api.wording import queue_warning

blueprint = StrictBlueprint("tasks", __name__, description="The work and what became of it.")

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
    "retry": {"max_attempts": 1, "initial_delay": 1, "factor": 2, "max_delay": 300, "jitter": 0.1},
    "version": 3,
    "links": {
        "self": "/tasks/019bb5b1-7bd2-7c8e-8f1e-3a5c9d2b7e10",
        "events": "/tasks/019bb5b1-7bd2-7c8e-8f1e-3a5c9d2b7e10/events",
    },
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
ONLY_LATER = {"started_at", "finished_at", "result"}
A_NEW_TASK = {name: value for name, value in A_TASK.items() if name not in ONLY_LATER} | {
    "status": "QUEUED",
    "attempt": 0,
    "version": 1,
}
A_LIST = {
    "pagination": {"current_page": 1, "page_size": 10, "total_pages": 1, "total_tasks": 1},
    "tasks": [A_TASK],
}
TEXT_HEADER = {"schema": {"type": "string"}}
ETAG = {"ETag": {"description": "The version, for If-Match and If-None-Match.", **TEXT_HEADER}}
LOCATION = {"Location": {"description": "Where the task can be read.", **TEXT_HEADER}}
LINK = {"Link": {"description": "first, prev, next and last page, where known (RFC 8288).", **TEXT_HEADER}}
REPLAYED = {
    "Idempotent-Replayed": {"description": "true when this request had been made before.", **TEXT_HEADER},
}


def idempotency_record() -> IdempotencyRecord | None:
    """Of a request that names itself by an Idempotency-Key."""
    key = headers.idempotency_key()
    return IdempotencyRecord(key=key, request_hash=request_hash(json_body(request))) if key is not None else None


def seen(task: Task, status: int = 200) -> Response:
    """The task with its place in the queue and its ETag."""
    position = use_cases().queue_positions().execute([task]).get(task.task_id)
    return answer(serialize_task(task, position), status, {"ETag": headers.entity_tag(task, position)})


def replayed(members: Mapping[str, object], status: int, location: dict[str, str], *, again: bool) -> Response:
    return answer(members, status, location | ({"Idempotent-Replayed": "true"} if again else {}))


def warnings_of(tasks: Sequence[Task]) -> dict[str, Any]:
    """Return the member `warnings` of an answer to a submit, nothing when there is no reason for one."""
    unserved = use_cases().warn_about_queues().execute(task.spec.queue for task in tasks)
    return {"warnings": [queue_warning(queue) for queue in unserved]} if unserved else {}


def awaited(task_id: str, seconds: int) -> Task:
    """Return the task when it is final, or as it is after so many seconds. Raises TaskNotFound, TooManyStreams."""
    with long_answers().waits.taken():
        return use_cases().wait_for_task().execute(task_id, seconds)


@blueprint.route("/tasks")
class Tasks(MethodView):
    @blueprint.doc(operationId="submitTask")
    @blueprint.problems(
        *(
            "malformed_request",
            "request_timeout",
            "body_too_large",
            "unsupported_media_type",
            "idempotency_key_reused",
            "capacity",
        )
    )
    @blueprint.response(202, SubmittedAnswer, headers=LOCATION | REPLAYED, example=A_NEW_TASK)
    @blueprint.reads_headers(headers.IDEMPOTENCY_KEY)
    @blueprint.no_query
    @blueprint.arguments(TaskBody(), example=A_BODY)
    def post(self, spec: TaskSpec) -> Response:
        """Submit a task.

        The task is stored when the response comes. Repeating the request with its Idempotency-Key
        submits nothing twice.
        """
        submitted = use_cases().submit_task().execute(spec, idempotency_record())
        [task] = submitted.tasks
        g.task_id = task.task_id  # for the access log
        location = {"Location": f"/tasks/{task.task_id}"}
        members = serialize_task(task) | warnings_of([task])
        return replayed(members, 202, location, again=submitted.replayed)

    @blueprint.doc(operationId="listTasks")
    @blueprint.problems()
    @blueprint.response(200, TaskListAnswer, headers=LINK, example=A_LIST)
    @blueprint.arguments(ListQuery(), location="query")
    def get(self, wanted: tuple[TaskFilter, PageRequest, bool]) -> Response:
        """List tasks, oldest first.

        Filters can be combined. With one of status, type, queue, a label or a span of time the totals are exact and any
        page is as quick as the first; combinations, task_name and q look at 50,000 tasks at most and say with
        next_cursor where to go on. A payload or result of more than 4 KiB is left out, and omitted names it, unless
        full=true asks for whole tasks.
        """
        matching, window, full = wanted
        list_tasks = use_cases().list_tasks()
        page = list_tasks.execute(matching, window)
        positions = use_cases().queue_positions().execute(page.tasks)
        links = {"Link": headers.page_links(window, page.total, next_cursor(page, window))}
        if not full:
            return answer(serialize_page(page, window, positions), headers=links)
        parts = page_parts(page, window, positions, list_tasks.whole(page))
        return Response(parts, headers=links, mimetype="application/json")


@blueprint.route("/tasks/<task:task_id>")
class OneTask(MethodView):
    @blueprint.doc(operationId="getTask")
    @blueprint.problems("malformed_request", "task_not_found", "too_many_streams")
    @blueprint.alt_response(304, description="It has not changed since the ETag that If-None-Match names.")
    @blueprint.response(200, TaskAnswer, headers=ETAG, example=A_TASK)
    @blueprint.reads_headers(headers.IF_NONE_MATCH, headers.PREFER)
    @blueprint.arguments(WaitQuery(), location="query")
    def get(self, wanted: dict[str, int], task_id: str) -> Response:
        """Read a task, at once or when it is final.

        With `wait` the response comes when the task is final, or after so many seconds with the task as it is then.
        """
        preferred = headers.preferred_wait()
        seconds = wanted.get("wait", preferred or 0)
        task = awaited(task_id, seconds) if seconds else use_cases().get_task().execute(task_id)
        response = seen(task)
        if preferred is not None and "wait" not in wanted:
            response.headers["Preference-Applied"] = f"wait={preferred}"
        if headers.is_known(response.headers["ETag"]):
            response.status_code, response.data = 304, b""
            response.headers.remove("Content-Type")
        return response

    @blueprint.doc(operationId="updateTask")
    @blueprint.problems(
        *("malformed_request", "task_not_found", "task_not_waiting", "task_busy", "version_mismatch"),
        *("request_timeout", "body_too_large", "unsupported_media_type"),
    )
    @blueprint.response(200, TaskAnswer, headers=ETAG, example=A_TASK)
    @blueprint.reads_headers(headers.IF_MATCH)
    @blueprint.no_query
    @blueprint.arguments(TaskPatchBody(), example={"labels": {"team": "billing", "old": None}})
    def patch(self, patch: TaskPatch, task_id: str) -> Response:
        """Change some members: task_name and labels always, the others while the task waits.

        A JSON merge patch (RFC 7396): null gives a member its default again.
        """
        return seen(use_cases().update_task().execute(task_id, patch, headers.wanted_versions()))

    @blueprint.doc(operationId="replaceTask")
    @blueprint.problems(
        *("malformed_request", "task_not_found", "task_not_waiting", "task_busy", "version_mismatch"),
        *("request_timeout", "body_too_large", "unsupported_media_type"),
    )
    @blueprint.response(200, TaskAnswer, headers=ETAG, example=A_TASK)
    @blueprint.reads_headers(headers.IF_MATCH)
    @blueprint.no_query
    @blueprint.arguments(TaskBody(), example=A_BODY)
    def put(self, spec: TaskSpec, task_id: str) -> Response:
        """Replace what a waiting task will do.

        The body is that of a submit: members that it leaves out get their defaults.
        """
        return seen(use_cases().update_task().execute(task_id, spec, headers.wanted_versions()))

    @blueprint.doc(operationId="deleteTask")
    @blueprint.problems("task_not_found", "task_running", "task_busy")
    @blueprint.alt_response(202, description="With cancel=true: it is stopped, and removed then.", success=True)
    @blueprint.response(204)
    @blueprint.arguments(DeleteQuery(), location="query")
    def delete(self, wanted: dict[str, bool], task_id: str) -> Response:
        """Delete a task.

        A running task is deleted only with `cancel=true`: it is stopped first.
        """
        gone = use_cases().delete_task().execute(task_id, cancel=wanted["cancel"])
        return Response(status=204 if gone else 202)


@blueprint.route("/tasks/<task:task_id>/cancel")
class Cancel(MethodView):
    @blueprint.doc(operationId="cancelTask")
    @blueprint.problems("task_not_found", "task_final", "task_busy")
    @blueprint.alt_response(202, schema=TaskAnswer, description="It runs, and is stopped within seconds.", success=True)
    @blueprint.response(200, TaskAnswer, headers=ETAG, example={**A_TASK, "status": "CANCELLED"})
    @blueprint.no_query
    def post(self, task_id: str) -> Response:
        """Cancel a task.

        A waiting task is CANCELLED at once (200). A running one is stopped within seconds (202).
        """
        task = use_cases().cancel_task().execute(task_id)
        return seen(task, 200 if task.status.is_final else 202)


@blueprint.route("/tasks/<task:task_id>/retry")
class Retry(MethodView):
    @blueprint.doc(operationId="retryTask")
    @blueprint.problems("task_not_found", "task_not_retryable", "task_busy")
    @blueprint.response(202, TaskAnswer, headers=ETAG | LOCATION, example=A_NEW_TASK)
    @blueprint.no_query
    def post(self, task_id: str) -> Response:
        """Run a FAILED, CANCELLED or EXPIRED task again.

        The task waits as if it had never run: attempts start from zero, and its result and error are removed.
        """
        response = seen(use_cases().retry_task().execute(task_id), 202)
        response.headers["Location"] = f"/tasks/{task_id}"
        return response


@blueprint.route("/tasks/<task:task_id>/logs")
class Logs(MethodView):
    @blueprint.doc(operationId="getTaskLog")
    @blueprint.problems("task_not_found")
    @blueprint.response(200, LogAnswer)
    @blueprint.no_query
    def get(self, task_id: str) -> Response:
        """Read the log of a task.

        The log holds the last 1,000 lines that the task's runs wrote.
        """
        return listed("lines", [serialize_log_line(line) for line in use_cases().read_log().execute(task_id)])


@blueprint.route("/tasks/<task:task_id>/deliveries")
class Deliveries(MethodView):
    @blueprint.doc(operationId="listDeliveries")
    @blueprint.problems("task_not_found")
    @blueprint.response(200, DeliveriesAnswer, example={"deliveries": [A_DELIVERY]})
    @blueprint.no_query
    def get(self, task_id: str) -> Response:
        """List the deliveries to the task's callback_url.

        Each attempt to deliver a message is one entry. The last 1,000 are kept.
        """
        return listed(
            "deliveries", [serialize_delivery(each) for each in use_cases().list_deliveries().execute(task_id)]
        )


@blueprint.route("/tasks/<task:task_id>/deliveries/<int:number>/resend")
class Resend(MethodView):
    @blueprint.doc(operationId="resendDelivery")
    @blueprint.problems("task_not_found", "delivery_not_found")
    @blueprint.response(202, description="It is sent within a second.")
    @blueprint.no_query
    def post(self, task_id: str, number: int) -> Response:
        """Send the message of a delivery again.

        The message is sent as it was, with the same webhook-id.
        """
        use_cases().resend_delivery().execute(task_id, number)
        return Response(status=202, headers={"Location": f"/tasks/{task_id}/deliveries"})
