"""/events and /tasks/<id>/events: events as Server-Sent Events (WHATWG HTML, section 9.2)."""

from collections.abc import Callable
from contextlib import ExitStack
from functools import partial
from itertools import chain
from weakref import WeakKeyDictionary

from flask import Response
from flask.views import MethodView
from werkzeug.exceptions import BadRequest

from application.ports.event_stream import TaskEvent
from application.ports.run import LogLine
from application.schedule_serializer import serialize_skip
from application.task_filter import TaskFilter
from application.task_serializer import serialize_actor, serialize_task
from application.use_cases.tasks.following import Following, News, Notice, Snapshot
from entrypoints.api.access.gate import end_with_key
from entrypoints.api.concurrency.capacity import long_responses
from entrypoints.api.concurrency.stream_response import StreamResponse
from entrypoints.api.json_text import to_json
from entrypoints.api.reading import headers
from entrypoints.api.resources.blueprints import events as blueprint
from entrypoints.api.resources.examples import A_STREAM
from entrypoints.api.resources.turns import search_turn
from entrypoints.api.schemas.log_responses import LogLineResponse
from entrypoints.api.schemas.queries import FilterQuery, TaskEventsQuery
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
    "more than 4 KiB, which `omitted` names. Its member `actor` says who made the change. In "
    "/events there is also schedule.skipped, with the name of the schedule, the last of the slots "
    "that made no task, their number and the reason. With logs=true there are also events "
    "task.log, with a line of the log. A comment is sent after every 15 seconds without an event.",
    "content": {EVENT_STREAM: {"schema": STREAM_SCHEMA, "example": A_STREAM}},
}


class LogIds:
    """Renders a stream with the lines of a log.

    Each id is the position of the last event, and the number of the last line behind a plus sign,
    so that a follower can resume after any of them.
    """

    def __init__(self, position: str | None, number: int) -> None:
        """A position before all events stands for none."""
        self._position = position or "0-0"
        self._number = number
        self._schema = LogLineResponse()

    def render(self, news: News) -> bytes:
        if isinstance(news, LogLine):
            self._number = news.number
            return self._text("task.log", to_json(self._schema.dump(news)))
        if isinstance(news, Notice):
            return render(news)
        self._position = news.position or self._position
        name = news.event.value if isinstance(news, TaskEvent) else "task.snapshot"
        return self._text(name, _data(news))

    def _text(self, name: str, data: bytes) -> bytes:
        head = f"id: {self._position}+{self._number}\nevent: {name}\ndata: ".encode()
        return head + data + b"\n\n"


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
    @blueprint.arguments(TaskEventsQuery(), location="query")
    def get(self, wanted: dict[str, bool], task_id: str) -> Response:
        """Follow one task until it is final.

        The stream begins with a snapshot of the task and ends after its final event. With
        `logs=true` it also has the lines of the task's log, all of them before the final event.
        """
        position, number = headers.last_event_id()
        logs = LogIds(position, number) if wanted["logs"] else None
        follow = partial(
            use_cases().follow_tasks().follow_task,
            task_id,
            position,
            log_after=number if logs else None,
        )
        return _stream(follow, logs)


@blueprint.route("/events")
class Events(MethodView):
    @blueprint.doc(operationId="followTasks")
    @blueprint.problems("malformed_request", "too_many_streams", "overloaded")
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
        position, _ = headers.last_event_id()
        with search_turn(wanted):
            return _stream(partial(use_cases().follow_tasks().follow_all, wanted, position))


def _stream(follow: Callable[[], Following | None], logs: LogIds | None = None) -> Response:
    """Return the stream. Raises TooManyStreams before anything is opened."""
    with ExitStack() as slot:
        slot.enter_context(long_responses().streams.occupied())
        try:
            following = follow()
        except ValueError as error:
            raise BadRequest(f"Last-Event-ID is {error}.") from error
        if following is None:
            return Response(status=204)
        news = map(logs.render if logs else render, following)
        response = StreamResponse(chain([OPENING], news), mimetype=EVENT_STREAM)
        response.headers["Cache-Control"] = "no-store"
        response.headers["X-Accel-Buffering"] = "no"
        response.call_on_close(following.close)
        response.call_on_close(end_with_key(following))
        response.call_on_close(slot.pop_all().close)
        return response


def render(news: News) -> bytes:
    if news is Notice.QUIET:
        return b": quiet\n\n"
    if news is Notice.GAP:
        return b"event: stream.gap\ndata: {}\n\n"
    if isinstance(news, Notice | LogLine):
        raise TypeError(f"not news: {news!r}")
    if isinstance(news, TaskEvent):
        return _render_event(news)
    return _render(news, "task.snapshot")


def _render_event(event: TaskEvent) -> bytes:
    """Render an event once for all its followers, who share one object."""
    text = _texts.get(event)
    if text is None:
        text = _texts[event] = _render(event, event.event.value)
    return text


def _render(news: TaskEvent | Snapshot, name: str) -> bytes:
    """Without a position the event has no id, so that Last-Event-ID stays as it is."""
    event_id = f"id: {news.position}\n" if news.position else ""
    head = f"{event_id}event: {name}\ndata: ".encode()
    return head + _data(news) + b"\n\n"


def _data(news: TaskEvent | Snapshot) -> bytes:
    """Return the task as JSON, with who made the change of which an event tells; or a skip."""
    if isinstance(news, TaskEvent) and news.skip is not None and news.task.schedule is not None:
        return to_json(serialize_skip(news.task.schedule.name, news.skip))
    members = serialize_task(news.task)
    if isinstance(news, TaskEvent) and news.actor:
        members["actor"] = serialize_actor(news.actor)
    return to_json(members)
