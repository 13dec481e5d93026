"""/types: the types of tasks that this installation knows."""

from flask import Response
from flask.views import MethodView

from entrypoints.api.resources.blueprints import overview as blueprint
from entrypoints.api.resources.json_response import list_response
from entrypoints.api.schemas.operations_responses import TypeListResponse, TypeResponse
from entrypoints.api.use_cases import use_cases


@blueprint.route("/types")
class Types(MethodView):
    @blueprint.doc(operationId="listTypes")
    @blueprint.problems()
    @blueprint.response(200, TypeListResponse)
    @blueprint.no_query
    def get(self) -> Response:
        """List the types of tasks.

        Each type has a JSON Schema of its payload.
        """
        return list_response("types", TypeResponse(), use_cases().handlers().types())
