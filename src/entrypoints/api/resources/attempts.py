"""/tasks/<id>/attempts: how each run of a task went."""

from typing import Any

from flask import Response
from flask.views import MethodView

from domain.attempt import Attempt
from entrypoints.api.resources.blueprints import tasks as blueprint
from entrypoints.api.resources.examples import AN_ATTEMPT
from entrypoints.api.resources.json_response import json_response
from entrypoints.api.resources.turns import long_read
from entrypoints.api.schemas.attempt_responses import AttemptsResponse
from entrypoints.api.use_cases import use_cases


@blueprint.route("/tasks/<task:task_id>/attempts")
class Attempts(MethodView):
    @blueprint.doc(operationId="listAttempts")
    @blueprint.problems("task_not_found", "overloaded")
    @blueprint.response(200, AttemptsResponse, example={"attempts": [AN_ATTEMPT]})
    @blueprint.no_query
    @long_read
    def get(self, task_id: str) -> Response:
        """List the attempts of a task: when each waited, ran and ended, and why.

        The last 100 are stored.
        """
        found = use_cases().read_attempts().execute(task_id)
        members = {
            "attempts": [_members(attempt) for attempt in found.attempts],
            "waiting_since": found.waiting_since,
        }
        return json_response(AttemptsResponse().dump(members))


def _members(attempt: Attempt) -> dict[str, Any]:
    members = {**vars(attempt), "next_attempt_at": attempt.next_at}
    if attempt.owner:
        members["worker"] = attempt.owner.rpartition(":")[0] or attempt.owner
    return members
