"""/schedules: declare, read, change, run and delete schedules."""

from datetime import datetime
from itertools import islice
from typing import Any

from flask import Response, g
from flask.views import MethodView

from application.ports.task_repository import IdempotencyRecord
from application.schedule_serializer import serialize_schedule
from application.task_serializer import rfc3339, serialize_task
from domain.schedule import Schedule
from domain.schedule_spec import SchedulePatch, ScheduleSpec
from entrypoints.api.concurrency.cooperation import paced
from entrypoints.api.reading import headers
from entrypoints.api.reading.strict_json import request_hash
from entrypoints.api.resources.blueprints import schedules as blueprint
from entrypoints.api.resources.examples import A_NEW_TASK, A_SCHEDULE, A_SCHEDULE_BODY
from entrypoints.api.resources.json_response import json_response
from entrypoints.api.resources.task_responses import (
    LOCATION,
    REPLAYED,
    TEXT_HEADER,
    submit_response,
    warnings_about,
)
from entrypoints.api.resources.turns import large_body, long_read
from entrypoints.api.schemas.schedule_requests import (
    PreviewBody,
    ScheduleBody,
    SchedulePatchBody,
    ScheduleQuery,
)
from entrypoints.api.schemas.schedule_responses import (
    PreviewResponse,
    ScheduleListResponse,
    ScheduleResponse,
)
from entrypoints.api.schemas.task_responses import SubmittedResponse
from entrypoints.api.traced_requests import caller_trace
from entrypoints.api.use_cases import use_cases

ETAG = {
    "ETag": {"description": "A tag of the schedule's version, for If-Match.", **TEXT_HEADER},
}
BODY_PROBLEMS = (
    "malformed_request",
    "request_timeout",
    "body_too_large",
    "unsupported_media_type",
    "overloaded",
)


@blueprint.route("/schedules")
class Schedules(MethodView):
    @blueprint.doc(operationId="listSchedules")
    @blueprint.problems("overloaded")
    @blueprint.response(200, ScheduleListResponse, example={"schedules": [A_SCHEDULE]})
    @blueprint.arguments(ScheduleQuery(), location="query")
    @long_read
    def get(self, wanted: dict[str, Any]) -> Response:
        """List the schedules by their names.

        A key that is bound to queues or labels has those whose tasks it has.
        """
        size = wanted["page_size"]
        reports = use_cases().read_schedules().after(wanted.get("cursor", ""))
        shown = [serialize_schedule(each) for each in paced(islice(reports, size + 1))]
        members: dict[str, Any] = {"schedules": shown[:size]}
        if len(shown) > size:
            members["next_cursor"] = shown[size - 1]["name"]
        return json_response(members)


@blueprint.route("/schedules/preview")
class Preview(MethodView):
    @blueprint.doc(operationId="previewSchedule")
    @blueprint.problems(*BODY_PROBLEMS)
    @blueprint.response(200, PreviewResponse, example={"next_runs": A_SCHEDULE["next_runs"]})
    @blueprint.no_query
    @blueprint.arguments(PreviewBody(), example={"cron": "30 2 * * 1-5", "timezone": "UTC"})
    def post(self, times: dict[str, Any]) -> Response:
        """List the next ten times of a cron expression or a distance.

        Nothing is stored.
        """
        slots: list[datetime] = list(use_cases().preview_schedule().execute(**times))
        return json_response({"next_runs": [rfc3339(slot) for slot in slots]})


@blueprint.route("/schedules/<schedule:schedule>")
class OneSchedule(MethodView):
    @blueprint.doc(operationId="getSchedule")
    @blueprint.problems("schedule_not_found")
    @blueprint.response(200, ScheduleResponse, headers=ETAG, example=A_SCHEDULE)
    @blueprint.no_query
    def get(self, schedule: str) -> Response:
        """Read a schedule.

        The response has its next five slots, and the status of its last task.
        """
        report = use_cases().read_schedules().get(schedule)
        return json_response(serialize_schedule(report), 200, _etag(report.schedule))

    @blueprint.doc(operationId="putSchedule")
    @blueprint.problems(
        *BODY_PROBLEMS,
        "version_mismatch",
        "too_many_schedules",
        "schedule_name_taken",
        "schedule_busy",
        "capacity",
    )
    @blueprint.alt_response(
        201, schema=ScheduleResponse, headers=ETAG, description="The schedule is new."
    )
    @blueprint.response(200, ScheduleResponse, headers=ETAG, example=A_SCHEDULE)
    @blueprint.reads_headers(headers.IF_MATCH, headers.IF_NEW)
    @large_body
    @blueprint.no_query
    @blueprint.arguments(ScheduleBody(), example=A_SCHEDULE_BODY)
    def put(self, spec: ScheduleSpec, schedule: str) -> Response:
        """Create a schedule, or replace it.

        A deployment can declare its schedules with each start: one that is declared as it is
        stays as it is. A replaced schedule keeps a slot that is due, unless its times change.
        """
        stored, is_new = (
            use_cases()
            .put_schedule()
            .execute(schedule, spec, headers.wanted_versions(), only_new=headers.only_new())
        )
        return _response(stored, 201 if is_new else 200)

    @blueprint.doc(operationId="updateSchedule")
    @blueprint.problems(*BODY_PROBLEMS, "schedule_not_found", "version_mismatch", "schedule_busy")
    @blueprint.response(200, ScheduleResponse, headers=ETAG, example=A_SCHEDULE)
    @blueprint.reads_headers(headers.IF_MATCH)
    @large_body
    @blueprint.no_query
    @blueprint.arguments(SchedulePatchBody(), example={"overlap": "queue", "ends_at": None})
    def patch(self, patch: SchedulePatch, schedule: str) -> Response:
        """Change a schedule.

        The body is a JSON merge patch (RFC 7396), also of the task: null gives a member its
        default again. Tasks that it has made stay as they are.
        """
        versions = headers.wanted_versions()
        return _response(use_cases().update_schedule().patch(schedule, patch, versions))

    @blueprint.doc(operationId="deleteSchedule")
    @blueprint.problems("schedule_not_found", "schedule_busy")
    @blueprint.response(204)
    @blueprint.no_query
    def delete(self, schedule: str) -> Response:
        """Delete a schedule.

        The tasks that it has made stay.
        """
        use_cases().delete_schedule().execute(schedule)
        return Response(status=204)


@blueprint.route("/schedules/<schedule:schedule>/run")
class RunNow(MethodView):
    @blueprint.doc(operationId="runSchedule")
    @blueprint.problems(
        "malformed_request",
        "schedule_not_found",
        "schedule_busy",
        "idempotency_key_reused",
        "capacity",
    )
    @blueprint.response(202, SubmittedResponse, headers=LOCATION | REPLAYED, example=A_NEW_TASK)
    @blueprint.reads_headers(headers.IDEMPOTENCY_KEY)
    @blueprint.no_query
    def post(self, schedule: str) -> Response:
        """Submit the task of a schedule now.

        It is made besides the slots, also while the schedule is paused. Repeating the request with
        its Idempotency-Key submits nothing twice.
        """
        key = headers.idempotency_key()
        record = key and IdempotencyRecord(
            key=key, request_hash=request_hash({"schedule": schedule})
        )
        submitted = use_cases().run_schedule().execute(schedule, record or None, caller_trace())
        [task] = submitted.tasks
        g.task_id = task.task_id  # for the access log
        location = {"Location": f"/tasks/{task.task_id}"}
        members = serialize_task(task) | warnings_about([task])
        return submit_response(members, location, replayed=submitted.replayed)


@blueprint.route("/schedules/<schedule:schedule>/pause")
class PauseSchedule(MethodView):
    @blueprint.doc(operationId="pauseSchedule")
    @blueprint.problems("schedule_not_found", "schedule_busy")
    @blueprint.response(200, ScheduleResponse, headers=ETAG, example=A_SCHEDULE)
    @blueprint.no_query
    def post(self, schedule: str) -> Response:
        """Pause a schedule.

        It has no slots until it is resumed. Pausing twice changes nothing.
        """
        return _response(use_cases().update_schedule().pause(schedule, paused=True))


@blueprint.route("/schedules/<schedule:schedule>/resume")
class ResumeSchedule(MethodView):
    @blueprint.doc(operationId="resumeSchedule")
    @blueprint.problems("schedule_not_found", "schedule_busy")
    @blueprint.response(200, ScheduleResponse, headers=ETAG, example=A_SCHEDULE)
    @blueprint.no_query
    def post(self, schedule: str) -> Response:
        """Resume a paused schedule.

        Its next slot lies ahead: slots of the pause are not made up.
        """
        return _response(use_cases().update_schedule().pause(schedule, paused=False))


def _response(schedule: Schedule, status: int = 200) -> Response:
    report = use_cases().read_schedules().report(schedule)
    return json_response(serialize_schedule(report), status, _etag(schedule))


def _etag(schedule: Schedule) -> dict[str, str]:
    return {"ETag": f'"{schedule.version}-{schedule.saves}"'}
