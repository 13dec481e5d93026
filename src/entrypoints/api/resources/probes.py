"""/livez and /readyz: whether the process is alive, and whether it can do its work."""

from flask import Response
from flask.views import MethodView

from entrypoints.api.resources.blueprints import probes as blueprint
from entrypoints.api.resources.json_response import json_response
from entrypoints.api.schemas.operations_responses import ProbeResponse
from entrypoints.api.use_cases import use_cases


@blueprint.route("/livez")
class Livez(MethodView):
    @blueprint.doc(operationId="getLiveness")
    @blueprint.problems(asks_store=False, needs_key=False)
    @blueprint.response(200, ProbeResponse, example={"status": "alive"})
    @blueprint.no_query
    def get(self) -> Response:
        """See whether the process is alive.

        The probe does not ask Redis: an outage of Redis is no reason to restart the API.
        """
        return json_response(ProbeResponse().dump({"status": "alive"}))


@blueprint.route("/readyz")
class Readyz(MethodView):
    @blueprint.doc(operationId="getReadiness")
    @blueprint.problems("store_unsafe", needs_key=False)
    @blueprint.response(200, ProbeResponse, example={"status": "ready"})
    @blueprint.no_query
    def get(self) -> Response:
        """See whether the service can do its work.

        Redis must reply and, in production, be configured to keep what it accepts.
        """
        use_cases().check_health().execute("api")
        return json_response(ProbeResponse().dump({"status": "ready"}))
