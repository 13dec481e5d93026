"""/livez and /readyz: is the process there, and can it do its work."""

from flask import Response
from flask.views import MethodView
from marshmallow import Schema, fields

from entrypoints.api.answers import answer
from entrypoints.api.blueprints import StrictBlueprint, use_cases

blueprint = StrictBlueprint("probes", __name__, description="For load balancers and supervisors.")


class ProbeAnswer(Schema):
    """The process is well."""

    status = fields.String(required=True, metadata={"description": "alive or ready."})


@blueprint.route("/livez")
class Livez(MethodView):
    @blueprint.doc(operationId="getLiveness")
    @blueprint.problems(asks_store=False)
    @blueprint.response(200, ProbeAnswer, example={"status": "alive"})
    @blueprint.no_query
    def get(self) -> Response:
        """See whether the process is alive.

        The probe never asks Redis: that Redis is away is no reason to restart the API.
        """
        return answer({"status": "alive"})


@blueprint.route("/readyz")
class Readyz(MethodView):
    @blueprint.doc(operationId="getReadiness")
    @blueprint.problems("store_unsafe")
    @blueprint.response(200, ProbeAnswer, example={"status": "ready"})
    @blueprint.no_query
    def get(self) -> Response:
        """See whether the service can do its work.

        Redis must reply and, in production, be configured to keep what it accepts.
        """
        use_cases().check_health().execute("api")
        return answer({"status": "ready"})
