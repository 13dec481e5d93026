"""/tasks/<id>/links: share one task with somebody who has no key."""

from typing import Any

from flask import Response, g
from flask.views import MethodView

from application.use_cases.access.link_tasks import IssuedLink, LinkOwner
from domain.access import Permission
from domain.task_link import LinkAction
from entrypoints.api.access.gate import require, require_told_apart
from entrypoints.api.access.links import LINK
from entrypoints.api.resources.blueprints import tasks as blueprint
from entrypoints.api.resources.json_response import json_response
from entrypoints.api.schemas.links import LinkBody, LinkResponse
from entrypoints.api.use_cases import use_cases


@blueprint.route("/tasks/<task:task_id>/links")
class Links(MethodView):
    @blueprint.doc(operationId="createLink")
    @blueprint.problems(
        "malformed_request",
        "request_timeout",
        "body_too_large",
        "unsupported_media_type",
        "task_not_found",
        "keys_not_used",
        "links_not_used",
    )
    @blueprint.response(200, LinkResponse)
    @blueprint.no_query
    @blueprint.arguments(LinkBody(), example={"expires_in": 3600, "actions": ["read"]})
    def post(self, members: dict[str, Any], task_id: str) -> Response:
        """Make a link to a task.

        Its URLs work without a key until it expires, or until the secret of the key that made it is
        rotated or revoked. They lead to the task, its events and its log, and with `cancel` let the
        task be cancelled. Anything else is a 404, and so is a link that has ended. Nothing is
        stored.
        """
        require_told_apart()
        actions = members["actions"]
        if LinkAction.CANCEL in actions:
            require(Permission.CHANGE)
        sha256 = g.credentials.key_sha256(use_cases().authenticate())
        owner = LinkOwner(use_cases().callers().current().key_id, sha256)
        issued = use_cases().link_tasks().execute(task_id, actions, members["lifetime"], owner)
        return json_response(LinkResponse().dump(_members(issued)), 200)


def _members(issued: IssuedLink) -> dict[str, Any]:
    link, token = issued
    task, query = f"/tasks/{link.task_id}", f"?{LINK}={token}"
    urls = {
        "page": f"/ui/#{task}{query}",
        "task": f"{task}{query}",
        "events": f"{task}/events{query}",
        "log": f"{task}/logs{query}",
    }
    if LinkAction.CANCEL in link.actions:
        urls["page"] += "&cancel=true"  # so that the page has a button
        urls["cancel"] = f"{task}/cancel{query}"
    actions = [each.value for each in LinkAction if each in link.actions]
    return {"token": token, "actions": actions, "expires_at": link.expires_at, "urls": urls}
