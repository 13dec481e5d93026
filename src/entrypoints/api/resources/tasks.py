"""/tasks and /tasks/<id>: submit, list, read, change and delete tasks."""

from flask import Response, g
from flask.views import MethodView

from application.ports.task_repository import Page, PageRequest
from application.task_filter import TaskFilter
from application.task_serializer import serialize_task
from domain.task_spec import TaskPatch, TaskSpec
from entrypoints.api.access.gate import authenticate_again
from entrypoints.api.concurrency.capacity import long_responses
from entrypoints.api.reading import headers
from entrypoints.api.resources.blueprints import tasks as blueprint
from entrypoints.api.resources.examples import A_BODY, A_LIST, A_NEW_TASK, A_TASK
from entrypoints.api.resources.json_response import json_response
from entrypoints.api.resources.task_responses import (
    ETAG,
    LINK,
    LOCATION,
    REPLAYED,
    idempotency_record,
    placed_response,
    submit_response,
    warnings_about,
)
from entrypoints.api.resources.turns import large_body, search_turn
from entrypoints.api.schemas.queries import DeleteQuery, ListQuery, WaitQuery
from entrypoints.api.schemas.task_requests import TaskBody, TaskPatchBody
from entrypoints.api.schemas.task_responses import (
    SubmittedResponse,
    TaskListResponse,
    TaskResponse,
)
from entrypoints.api.serializers import next_cursor, page_json, stream_page
from entrypoints.api.traced_requests import caller_trace
from entrypoints.api.use_cases import use_cases

BODY_PROBLEMS = (
    "malformed_request",
    "request_timeout",
    "body_too_large",
    "unsupported_media_type",
)
CHANGE_PROBLEMS = (
    "malformed_request",
    "task_not_found",
    "task_not_waiting",
    "task_busy",
    "version_mismatch",
    "request_timeout",
    "body_too_large",
    "unsupported_media_type",
    "overloaded",
)


@blueprint.route("/tasks")
class Tasks(MethodView):
    @blueprint.doc(operationId="submitTask")
    @blueprint.problems(*BODY_PROBLEMS, "idempotency_key_reused", "capacity", "overloaded")
    @blueprint.response(202, SubmittedResponse, headers=LOCATION | REPLAYED, example=A_NEW_TASK)
    @blueprint.reads_headers(headers.IDEMPOTENCY_KEY)
    @large_body
    @blueprint.no_query
    @blueprint.arguments(TaskBody(), example=A_BODY)
    def post(self, spec: TaskSpec) -> Response:
        """Submit a task.

        The task is stored when the response comes. Repeating the request with its Idempotency-Key
        submits nothing twice.
        """
        submitted = use_cases().submit_task().execute(spec, idempotency_record(), caller_trace())
        [task] = submitted.tasks
        g.task_id = task.task_id  # for the access log
        location = {"Location": f"/tasks/{task.task_id}"}
        members = serialize_task(task) | warnings_about([task])
        return submit_response(members, location, replayed=submitted.replayed)

    @blueprint.doc(operationId="listTasks")
    @blueprint.problems("overloaded")
    @blueprint.response(200, TaskListResponse, headers=LINK, example=A_LIST)
    @blueprint.arguments(ListQuery(), location="query")
    def get(self, wanted: tuple[TaskFilter, PageRequest, bool]) -> Response:
        """List tasks, oldest first.

        Filters can be combined. With one of status, type, queue, a label or a span of time, totals
        are exact and any page is as quick as the first. Combinations, task_name and q look at
        50,000 tasks at most; next_cursor then says where to go on. A payload or result of more than
        4 KiB is left out, and omitted names it; full=true asks for whole tasks.
        """
        matching, page_request, full = wanted
        return _whole_page(matching, page_request) if full else _page(matching, page_request)


def _page(matching: TaskFilter, page_request: PageRequest) -> Response:
    with search_turn(matching):
        page = use_cases().list_tasks().texts(matching, page_request)
    return json_response(page_json(page, page_request), headers=_links(page, page_request))


def _whole_page(matching: TaskFilter, page_request: PageRequest) -> Response:
    """Return a page whose tasks are read whole, one at a time, while it is sent."""
    list_tasks = use_cases().list_tasks()
    with search_turn(matching):
        page = list_tasks.find(matching, page_request)
    parts = stream_page(page, page_request, list_tasks.read_whole(page))
    links = _links(page, page_request)
    return Response(parts, headers=links, mimetype="application/json")


def _links(page: Page, page_request: PageRequest) -> dict[str, str]:
    cursor = next_cursor(page, page_request)
    return {"Link": headers.page_links(page_request, page.total, cursor)}


@blueprint.route("/tasks/<task:task_id>")
class OneTask(MethodView):
    @blueprint.doc(operationId="getTask")
    @blueprint.problems("malformed_request", "task_not_found", "too_many_streams")
    @blueprint.alt_response(
        304, description="The task has not changed since the ETag that If-None-Match names."
    )
    @blueprint.response(200, TaskResponse, headers=ETAG, example=A_TASK)
    @blueprint.reads_headers(headers.IF_NONE_MATCH, headers.PREFER)
    @blueprint.arguments(WaitQuery(), location="query")
    def get(self, wanted: dict[str, int], task_id: str) -> Response:
        """Read a task, at once or when it is final.

        With `wait` the response comes when the task is final, or after `wait` seconds with the
        task's current state.
        """
        preferred = headers.preferred_wait()
        seconds = wanted.get("wait", preferred or 0)
        if seconds:
            _wait_for(task_id, seconds)
        response = placed_response(*use_cases().get_task().with_position(task_id))
        if preferred is not None and "wait" not in wanted:
            response.headers["Preference-Applied"] = f"wait={preferred}"
        if headers.is_known(response.headers["ETag"]):
            response.status_code, response.data = 304, b""
            response.headers.remove("Content-Type")
        return response

    @blueprint.doc(operationId="updateTask")
    @blueprint.problems(*CHANGE_PROBLEMS)
    @blueprint.response(200, TaskResponse, headers=ETAG, example=A_TASK)
    @blueprint.reads_headers(headers.IF_MATCH)
    @large_body
    @blueprint.no_query
    @blueprint.arguments(TaskPatchBody(), example={"labels": {"team": "billing", "old": None}})
    def patch(self, patch: TaskPatch, task_id: str) -> Response:
        """Change a task.

        task_name and labels can always be changed, other members only while the task waits. The
        body is a JSON merge patch (RFC 7396): null gives a member its default again.
        """
        versions = headers.wanted_versions()
        return placed_response(*use_cases().update_task().execute(task_id, patch, versions))

    @blueprint.doc(operationId="replaceTask")
    @blueprint.problems(*CHANGE_PROBLEMS)
    @blueprint.response(200, TaskResponse, headers=ETAG, example=A_TASK)
    @blueprint.reads_headers(headers.IF_MATCH)
    @large_body
    @blueprint.no_query
    @blueprint.arguments(TaskBody(), example=A_BODY)
    def put(self, spec: TaskSpec, task_id: str) -> Response:
        """Replace the specification of a waiting task.

        The body is that of a submit: members that it leaves out get their defaults.
        """
        versions = headers.wanted_versions()
        return placed_response(*use_cases().update_task().execute(task_id, spec, versions))

    @blueprint.doc(operationId="deleteTask")
    @blueprint.problems("task_not_found", "task_running", "task_busy")
    @blueprint.alt_response(
        202,
        description="With cancel=true: the running task is being stopped and is deleted then.",
    )
    @blueprint.response(204)
    @blueprint.arguments(DeleteQuery(), location="query")
    def delete(self, wanted: dict[str, bool], task_id: str) -> Response:
        """Delete a task.

        A running task is deleted only with `cancel=true`: it is stopped first.
        """
        deleted = use_cases().delete_task().execute(task_id, cancel=wanted["cancel"])
        return Response(status=204 if deleted else 202)


def _wait_for(task_id: str, seconds: int) -> None:
    """Return when the task is final, or after so many seconds.

    Raises TaskNotFound, and TooManyStreams when too many requests of this process wait.
    """
    with long_responses().waits.occupied():
        use_cases().wait_for_task().execute(task_id, seconds)
    authenticate_again()
