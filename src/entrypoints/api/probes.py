"""/livez and /readyz: is the process there, and can it do its work."""

from flask import Response
from flask.views import MethodView
from marshmallow import Schema, fields

from entrypoints.api.answers import answer
from entrypoints.api.blueprints import StrictBlueprint, use_cases

blueprint = StrictBlueprint("probes", __name__, description="For load balancers and supervisors.")


class ProbeAnswer(Schema):
    status = fields.String()


@blueprint.route("/livez")
class Livez(MethodView):
    @blueprint.response(200, ProbeAnswer, example={"status": "alive"})
    @blueprint.no_query
    def get(self) -> Response:
        """See whether the process is alive. Never asks Redis: that it is away is no reason to restart the API."""
        return answer({"status": "alive"})


@blueprint.route("/readyz")
class Readyz(MethodView):
    @blueprint.problems("store_unsafe")
    @blueprint.response(200, ProbeAnswer, example={"status": "ready"})
    @blueprint.no_query
    def get(self) -> Response:
        """See whether Redis answers and, in production, keeps what it accepts."""
        use_cases().check_health().execute("api")
        return answer({"status": "ready"})
