"""/workers: the workers that are alive."""

from flask import Response
from flask.views import MethodView

from entrypoints.api.resources.blueprints import overview as blueprint
from entrypoints.api.resources.json_response import list_response
from entrypoints.api.schemas.operations_responses import WorkerListResponse, WorkerResponse
from entrypoints.api.use_cases import use_cases


@blueprint.route("/workers")
class Workers(MethodView):
    @blueprint.doc(operationId="listWorkers")
    @blueprint.problems()
    @blueprint.response(200, WorkerListResponse)
    @blueprint.no_query
    def get(self) -> Response:
        """List the workers that are alive.

        A worker whose heartbeats have stopped is left out.
        """
        return list_response("workers", WorkerResponse(), use_cases().list_workers().execute())
