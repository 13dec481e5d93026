"""/tasks/batch: submit many tasks with one request."""

from collections.abc import Callable
from functools import wraps
from typing import Any

from flask import Response, request
from flask.views import MethodView

from application.task_serializer import serialize_task
from domain.task_spec import TaskSpec
from entrypoints.api.concurrency.batch_line import batch_line
from entrypoints.api.concurrency.cooperation import paced
from entrypoints.api.reading import headers
from entrypoints.api.reading.arguments import received_body
from entrypoints.api.resources.blueprints import bulk as blueprint
from entrypoints.api.resources.examples import A_BODY, A_NEW_TASK
from entrypoints.api.resources.task_responses import (
    REPLAYED,
    idempotency_record,
    submit_response,
    warnings_about,
)
from entrypoints.api.schemas.bulk_requests import BatchBody
from entrypoints.api.schemas.task_responses import BatchResponse
from entrypoints.api.traced_requests import caller_trace
from entrypoints.api.use_cases import use_cases


def in_line(view: Callable[..., Response]) -> Callable[..., Response]:
    """Call the view when the body is here and the batches that came before are done.

    A batch that finds no room is refused before its body is read: its client sends it again, and
    reading hundreds of such bodies would hold up other requests.
    """

    @wraps(view)
    def waiting(*arguments: Any, **options: Any) -> Response:
        line = batch_line()
        line.require_room()
        received_body(request)
        with line.turn():
            return view(*arguments, **options)

    return waiting


@blueprint.route("/tasks/batch")
class Batch(MethodView):
    @blueprint.doc(operationId="submitBatch")
    @blueprint.problems(
        "malformed_request",
        "request_timeout",
        "body_too_large",
        "unsupported_media_type",
        "idempotency_key_reused",
        "capacity",
        "overloaded",
    )
    @blueprint.response(202, BatchResponse, headers=REPLAYED, example={"tasks": [A_NEW_TASK]})
    @blueprint.reads_headers(headers.IDEMPOTENCY_KEY)
    @in_line
    @blueprint.no_query
    @blueprint.arguments(BatchBody(), example={"tasks": [A_BODY]})
    def post(self, batch: dict[str, list[TaskSpec]]) -> Response:
        """Submit 1 to 1,000 tasks: all or none.

        One invalid task refuses the whole batch. `errors` names every problem and the place of its
        task.
        """
        submit, record = use_cases().submit_batch(), idempotency_record()
        submitted = submit.execute(batch["tasks"], record, caller_trace())
        members = {"tasks": [serialize_task(task) for task in paced(submitted.tasks)]}
        members |= warnings_about(submitted.tasks)
        return submit_response(members, {}, replayed=submitted.replayed)
