"""/tasks/<id>/deliveries: the delivery attempts of a task's webhooks."""

from flask import Response
from flask.views import MethodView

from entrypoints.api.resources.blueprints import tasks as blueprint
from entrypoints.api.resources.examples import A_DELIVERY
from entrypoints.api.resources.json_response import list_response
from entrypoints.api.schemas.delivery_responses import DeliveriesResponse, DeliveryResponse
from entrypoints.api.use_cases import use_cases


@blueprint.route("/tasks/<task:task_id>/deliveries")
class Deliveries(MethodView):
    @blueprint.doc(operationId="listDeliveries")
    @blueprint.problems("task_not_found")
    @blueprint.response(200, DeliveriesResponse, example={"deliveries": [A_DELIVERY]})
    @blueprint.no_query
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
