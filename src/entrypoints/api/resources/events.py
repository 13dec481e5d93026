"""/events and /tasks/<id>/events: events as Server-Sent Events (WHATWG HTML, section 9.2)."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from weakref import WeakKeyDictionary

from flask import Response
from flask.views import MethodView
from werkzeug.exceptions import BadRequest

from application.ports.event_stream import TaskEvent
from application.task_filter import TaskFilter
from application.task_serializer import serialize_task
from application.use_cases.tasks.follow_tasks import Following, News, Notice
from domain.task import Task
from entrypoints.api.concurrency.capacity import long_responses
from entrypoints.api.concurrency.stream_response import StreamResponse
from entrypoints.api.json_text import to_json
from entrypoints.api.reading import headers
from entrypoints.api.resources.blueprints import events as blueprint
from entrypoints.api.resources.examples import A_STREAM
from entrypoints.api.schemas.queries import FilterQuery
from entrypoints.api.use_cases import use_cases

EVENT_STREAM = "text/event-stream"
OPENING = b"retry: 1000\n: open\n\n"
_texts: WeakKeyDictionary[TaskEvent, bytes] = WeakKeyDictionary()
"""The texts of events, for as long as the stream keeps an event for all who follow."""
STREAM_SCHEMA = {
    "type": ["string", "object"],
    "description": "The text of the stream, or an object for tools that read it event by event.",
    "properties": {
        "id": {"type": "string", "description": "The id of the event, for Last-Event-ID."},
        "event": {"type": "string", "description": "The name of the event."},
        "data": {"type": "string", "description": "The task as JSON."},
    },
}
STREAM_DOC = {
    "description": "Each event has an id, with which Last-Event-ID resumes the stream; a name: "
    "task.snapshot, task.submitted, task.scheduled, task.started, task.progress, task.completed, "
    "task.failed, task.retrying, task.cancelled, task.expired, task.updated, task.deleted, "
    "task.recovered or stream.gap; and the task as it stood then, without a payload or result of "
    "more than 4 KiB, which `omitted` names. A comment is sent after every 15 seconds without an "
    "event.",
    "content": {EVENT_STREAM: {"schema": STREAM_SCHEMA, "example": A_STREAM}},
}


@blueprint.route("/tasks/<task:task_id>/events")
class TaskEvents(MethodView):
    @blueprint.doc(operationId="followTask")
    @blueprint.problems("task_not_found", "malformed_request", "too_many_streams")
    @blueprint.alt_response(
        204, description="No events follow Last-Event-ID, and the task is final."
    )
    @blueprint.response(200)
    @blueprint.reads_headers(headers.LAST_EVENT_ID)
    @blueprint.doc(responses={"200": STREAM_DOC})
    @blueprint.no_query
    def get(self, task_id: str) -> Response:
        """Follow one task until it is final.

        The stream begins with a snapshot of the task and ends after its final event.
        """
        return _stream(
            lambda: use_cases().follow_tasks().follow_task(task_id, headers.last_event_id())
        )


@blueprint.route("/events")
class Events(MethodView):
    @blueprint.doc(operationId="followTasks")
    @blueprint.problems("malformed_request", "too_many_streams")
    @blueprint.response(200)
    @blueprint.reads_headers(headers.LAST_EVENT_ID)
    @blueprint.doc(responses={"200": STREAM_DOC})
    @blueprint.arguments(FilterQuery(), location="query")
    def get(self, wanted: TaskFilter) -> Response:
        """Follow all tasks, or those that match the filters when an event happens.

        The stream begins with snapshots of the 100 tasks that were submitted last. A stream.gap
        says that events were lost. Either snapshots follow, or the stream ends because it was read
        too slowly; it can be resumed.
        """
        return _stream(
            lambda: use_cases().follow_tasks().follow_all(wanted, headers.last_event_id())
        )


def _stream(follow: Callable[[], Following | None]) -> Response:
    """Return the stream. Raises TooManyStreams before anything is opened."""
    with ExitStack() as slot:
        slot.enter_context(long_responses().streams.occupied())
        try:
            following = follow()
        except ValueError as error:
            raise BadRequest(f"Last-Event-ID is {error}.") from error
        if following is None:
            return Response(status=204)
        response = StreamResponse(_rendered(following), mimetype=EVENT_STREAM)
        response.headers["Cache-Control"] = "no-store"
        response.headers["X-Accel-Buffering"] = "no"
        response.call_on_close(following.close)
        response.call_on_close(slot.pop_all().close)
        return response


def _rendered(following: Following) -> Iterator[bytes]:
    yield OPENING
    for news in following:
        yield render(news)


def render(news: News) -> bytes:
    if news is Notice.QUIET:
        return b": quiet\n\n"
    if news is Notice.GAP:
        return b"event: stream.gap\ndata: {}\n\n"
    if isinstance(news, Notice):
        raise TypeError(f"not news: {news!r}")
    if isinstance(news, TaskEvent):
        return _render_event(news)
    return _render_task(news.position, "task.snapshot", news.task)


def _render_event(event: TaskEvent) -> bytes:
    """Render an event once for all its followers, who share one object."""
    text = _texts.get(event)
    if text is None:
        text = _texts[event] = _render_task(event.position, event.event.value, event.task)
    return text


def _render_task(position: str, name: str, task: Task) -> bytes:
    head = f"id: {position}\nevent: {name}\ndata: ".encode()
    return head + to_json(serialize_task(task)) + b"\n\n"
