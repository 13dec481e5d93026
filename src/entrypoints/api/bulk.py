"""/tasks/batch and /tasks/actions: many tasks with one request."""

from collections.abc import Callable
from dataclasses import asdict
from functools import wraps
from typing import Any

from flask import Response, request
from flask.views import MethodView

from application.task_serializer import drop_none, serialize_task
from application.use_cases.tasks.bulk_action import Action
from domain.task_spec import TaskSpec
from entrypoints.api import headers
from entrypoints.api.answers import ActionAnswer, BatchAnswer, answer
from entrypoints.api.arguments import received_body
from entrypoints.api.blueprints import StrictBlueprint, use_cases
from entrypoints.api.bodies import ActionBody, BatchBody
from entrypoints.api.capacity import batch_line
from entrypoints.api.cooperation import paced
from entrypoints.api.tasks import A_BODY, A_NEW_TASK, REPLAYED, idempotency_record, replayed, warnings_of

blueprint = StrictBlueprint("bulk", __name__, description="Many tasks with one request.")


def in_line(view: Callable[..., Response]) -> Callable[..., Response]:
    """Call the view when the body is here and the batches that came before are done.

    A batch that finds no room is refused before its body is read: its client sends it again, and
    reading hundreds of those would hold up other requests.
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
        *(
            "malformed_request",
            "request_timeout",
            "body_too_large",
            "unsupported_media_type",
            "idempotency_key_reused",
            "capacity",
            "overloaded",
        )
    )
    @blueprint.response(202, BatchAnswer, headers=REPLAYED, example={"tasks": [A_NEW_TASK]})
    @blueprint.reads_headers(headers.IDEMPOTENCY_KEY)
    @blueprint.no_query
    @in_line
    @blueprint.arguments(BatchBody(), example={"tasks": [A_BODY]})
    def post(self, batch: dict[str, list[TaskSpec]]) -> Response:
        """Submit 1 to 1,000 tasks: all or none.

        One invalid task refuses the whole batch; `errors` names every problem by the place of its task.
        """
        submitted = use_cases().submit_batch().execute(batch["tasks"], idempotency_record())
        members = {"tasks": [serialize_task(task) for task in paced(submitted.tasks)]}
        return replayed(members | warnings_of(submitted.tasks), 202, {}, again=submitted.replayed)


@blueprint.route("/tasks/actions")
class Actions(MethodView):
    @blueprint.doc(operationId="actOnTasks")
    @blueprint.problems("malformed_request", "request_timeout", "body_too_large", "unsupported_media_type")
    @blueprint.response(200, ActionAnswer, example={"matched": 12, "done": 0, "would_be_done": 10, "remaining": 0})
    @blueprint.no_query
    @blueprint.arguments(
        ActionBody(), example={"action": "retry", "filter": {"status": ["FAILED"], "queue": "default"}, "dry_run": True}
    )
    def post(self, wish: dict[str, Any]) -> Response:
        """Cancel, retry or delete many tasks, or only count them.

        One call looks at 10,000 tasks at most: call again until `remaining` is 0. With `dry_run` nothing is changed.
        """
        tasks = wish["filter"] if "filter" in wish else wish["ids"]
        report = use_cases().bulk_action().execute(Action(wish["action"]), tasks, dry_run=wish.get("dry_run", False))
        return answer(drop_none(asdict(report)))
