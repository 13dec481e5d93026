"""/deliveries and /tasks/<id>/deliveries: the delivery attempts of webhooks."""

from typing import Any

from flask import Response
from flask.views import MethodView

from application.ports.delivery_log import DeliveryFilter, LoggedDelivery
from domain.webhook import DeliveryOutcome
from entrypoints.api.concurrency.cooperation import paced
from entrypoints.api.resources.blueprints import overview
from entrypoints.api.resources.blueprints import tasks as blueprint
from entrypoints.api.resources.examples import A_DELIVERY, A_TASK
from entrypoints.api.resources.json_response import json_response, list_response
from entrypoints.api.resources.turns import long_read
from entrypoints.api.schemas.cursor_field import encode_position
from entrypoints.api.schemas.delivery_responses import (
    DeliveriesResponse,
    DeliveryListResponse,
    DeliveryResponse,
    LoggedDeliveryResponse,
)
from entrypoints.api.schemas.queries import DeliveryQuery
from entrypoints.api.use_cases import use_cases


@blueprint.route("/tasks/<task:task_id>/deliveries")
class Deliveries(MethodView):
    @blueprint.doc(operationId="listDeliveries")
    @blueprint.problems("task_not_found", "overloaded")
    @blueprint.response(200, DeliveriesResponse, example={"deliveries": [A_DELIVERY]})
    @blueprint.no_query
    @long_read
    def get(self, task_id: str) -> Response:
        """List the delivery attempts of the task's webhooks.

        The last 1,000 attempts are stored.
        """
        deliveries = use_cases().read_details().deliveries(task_id)
        return list_response("deliveries", DeliveryResponse(), deliveries)


@blueprint.route("/tasks/<task:task_id>/deliveries/<int:number>/resend")
class Resend(MethodView):
    @blueprint.doc(operationId="resendDelivery")
    @blueprint.problems("task_not_found", "delivery_not_found")
    @blueprint.response(202, description="The webhook is sent within a second.")
    @blueprint.no_query
    def post(self, task_id: str, number: int) -> Response:
        """Send the webhook of a delivery attempt again.

        The webhook is sent unchanged, with the same webhook-id.
        """
        use_cases().resend_delivery().execute(task_id, number)
        return Response(status=202, headers={"Location": f"/tasks/{task_id}/deliveries"})


@overview.route("/deliveries")
class AllDeliveries(MethodView):
    @overview.doc(operationId="listAllDeliveries")
    @overview.problems("overloaded")
    @overview.response(
        200,
        DeliveryListResponse,
        example={
            "deliveries": [
                {**A_DELIVERY, "task_id": A_TASK["task_id"], "host": "hooks.example.com"}
            ],
            "pending": 1,
        },
    )
    @overview.arguments(DeliveryQuery(), location="query")
    @long_read
    def get(self, wanted: dict[str, Any]) -> Response:
        """List the delivery attempts of the webhooks of all tasks, newest first.

        The last 10,000 attempts are stored. An attempt stays when its task is deleted.
        """
        found = DeliveryFilter(
            outcomes=frozenset(map(DeliveryOutcome, wanted.get("outcome", ()))),
            task_id=wanted.get("task_id"),
        )
        page, pending = (
            use_cases()
            .list_deliveries()
            .execute(found, limit=wanted["page_size"], after=wanted.get("cursor"))
        )
        members: dict[str, Any] = {
            "deliveries": [_members(logged) for logged in paced(page.deliveries)],
            "pending": pending,
        }
        if page.next:
            members["next_cursor"] = encode_position(page.next)
        return json_response(members)


def _members(logged: LoggedDelivery) -> dict[str, Any]:
    """Return the form of LoggedDeliveryResponse."""
    about = {"task_id": logged.task_id, "host": logged.host}
    members: dict[str, Any] = LoggedDeliveryResponse().dump({**vars(logged.delivery), **about})
    return members
