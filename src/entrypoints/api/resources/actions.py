"""/tasks/actions: cancel, retry or delete many tasks with one request."""

from typing import Any

from flask import Response
from flask.views import MethodView

from application.use_cases.tasks.bulk_action import Action
from domain.access import Permission
from entrypoints.api.access.gate import require
from entrypoints.api.resources.blueprints import bulk as blueprint
from entrypoints.api.resources.json_response import json_response
from entrypoints.api.resources.turns import bulk_action
from entrypoints.api.schemas.bulk_requests import ActionBody
from entrypoints.api.schemas.task_responses import ActionResponse
from entrypoints.api.use_cases import use_cases


@blueprint.route("/tasks/actions")
class Actions(MethodView):
    @blueprint.doc(operationId="actOnTasks")
    @blueprint.problems(
        "malformed_request",
        "request_timeout",
        "body_too_large",
        "unsupported_media_type",
        "overloaded",
    )
    @blueprint.response(
        200,
        ActionResponse,
        example={"matched": 12, "done": 0, "would_be_done": 10, "remaining": 0},
    )
    @bulk_action
    @blueprint.no_query
    @blueprint.arguments(
        ActionBody(),
        example={
            "action": "retry",
            "filter": {"status": ["FAILED"], "queue": "default"},
            "dry_run": True,
        },
    )
    def post(self, members: dict[str, Any]) -> Response:
        """Cancel, retry or delete many tasks, or only count them.

        One call processes 10,000 tasks at most: call again until `remaining` is 0. With `dry_run`
        nothing is changed.
        """
        action, dry_run = Action(members["action"]), members.get("dry_run", False)
        if action is Action.DELETE:
            require(Permission.DELETE)
        tasks = members["filter"] if "filter" in members else members["ids"]
        report = use_cases().bulk_action().execute(action, tasks, dry_run=dry_run)
        return json_response(ActionResponse().dump(report))
