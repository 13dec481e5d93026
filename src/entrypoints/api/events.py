"""/events: what happens to tasks, as Server-Sent Events (WHATWG HTML, section 9.2)."""

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import lru_cache

from flask import Response
from flask.views import MethodView
from werkzeug.exceptions import BadRequest

from application.ports.event_stream import TaskEvent
from application.task_filter import TaskFilter
from application.task_serializer import serialize_task
from application.use_cases.tasks.follow_tasks import Following, News, Notice
from domain.task import Task
from entrypoints.api import headers
from entrypoints.api.blueprints import StrictBlueprint, use_cases
from entrypoints.api.capacity import long_answers
from entrypoints.api.queries import FilterQuery
from entrypoints.api.stream_response import StreamResponse

EVENT_STREAM = "text/event-stream"
OPENING = b"retry: 1000\n: open\n\n"
RENDERED_EVENTS_KEPT = 256
A_STREAM = """id: 1768287189125-0
event: task.snapshot
data: {"task_id": "019bb5b1-7bd2-7c8e-8f1e-3a5c9d2b7e10", "status": "PROCESSING"}

id: 1768287192131-0
event: task.completed
data: {"task_id": "019bb5b1-7bd2-7c8e-8f1e-3a5c9d2b7e10", "status": "COMPLETED"}

"""
A_STREAM_OR_AN_EVENT = {
    "type": ["string", "object"],
    "description": "The text of the stream; an object for tools that read it event by event.",
    "properties": {
        "id": {"type": "string", "description": "For Last-Event-ID."},
        "event": {"type": "string", "description": "The name of the event."},
        "data": {"type": "string", "description": "The task as JSON."},
    },
}
STREAM_DOC = {
    "description": "Each event has an id, to go on with Last-Event-ID; a name: task.snapshot, task.submitted, "
    "task.scheduled, task.started, task.progress, task.completed, task.failed, task.retrying, task.cancelled, "
    "task.expired, task.updated, task.deleted, task.recovered or stream.gap; and the task as it stood then, "
    "without a payload or result of more than 4 KiB, which `omitted` names. "
    "A comment comes every 15 seconds in which nothing happens.",
    "content": {EVENT_STREAM: {"schema": A_STREAM_OR_AN_EVENT, "example": A_STREAM}},
}

blueprint = StrictBlueprint("events", __name__, description="What happens to tasks, as it happens.")


@blueprint.route("/tasks/<task:task_id>/events")
class TaskEvents(MethodView):
    @blueprint.doc(operationId="followTask")
    @blueprint.problems("task_not_found", "malformed_request", "too_many_streams")
    @blueprint.alt_response(204, description="Nothing is left to tell behind Last-Event-ID.", success=True)
    @blueprint.response(200)
    @blueprint.reads_headers(headers.LAST_EVENT_ID)
    @blueprint.doc(responses={"200": STREAM_DOC})
    @blueprint.no_query
    def get(self, task_id: str) -> Response:
        """Follow one task until it is final.

        The stream begins with a snapshot of the task and ends after its final event.
        """
        return _stream(lambda: use_cases().follow_tasks().one(task_id, headers.last_event_id()))


@blueprint.route("/events")
class Events(MethodView):
    @blueprint.doc(operationId="followTasks")
    @blueprint.problems("malformed_request", "too_many_streams")
    @blueprint.response(200)
    @blueprint.reads_headers(headers.LAST_EVENT_ID)
    @blueprint.doc(responses={"200": STREAM_DOC})
    @blueprint.arguments(FilterQuery(), location="query")
    def get(self, wanted: TaskFilter) -> Response:
        """Follow all tasks, or those that match the filters when something happens to them.

        It begins with snapshots of the 100 that were submitted last. A stream.gap says that events were lost:
        snapshots follow, or the end of a stream that was read too slowly, which may be resumed.
        """
        return _stream(lambda: use_cases().follow_tasks().all(wanted, headers.last_event_id()))


def _stream(follow: Callable[[], Following | None]) -> Response:
    """Follow, and respond with the stream. Nothing is opened without a place for it."""
    with ExitStack() as place:
        place.enter_context(long_answers().streams.taken())
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
        response.call_on_close(place.pop_all().close)
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


@lru_cache(RENDERED_EVENTS_KEPT)
def _render_event(event: TaskEvent) -> bytes:
    """Render once for all who follow: an event is one object for them."""
    return _render_task(event.position, event.event.value, event.task)


def _render_task(position: str, name: str, task: Task) -> bytes:
    return f"id: {position}\nevent: {name}\ndata: {json.dumps(serialize_task(task))}\n\n".encode()
