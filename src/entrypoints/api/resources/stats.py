"""/stats: statistics of the tasks."""

from flask import Response
from flask.views import MethodView

from entrypoints.api.resources.blueprints import overview as blueprint
from entrypoints.api.resources.json_response import json_response
from entrypoints.api.schemas.operations_responses import StatsResponse
from entrypoints.api.use_cases import use_cases


@blueprint.route("/stats")
class Stats(MethodView):
    @blueprint.doc(operationId="getStatistics")
    @blueprint.problems()
    @blueprint.response(200, StatsResponse)
    @blueprint.no_query
    def get(self) -> Response:
        """Count and time the tasks.

        The response has the numbers of tasks by status, type and queue, those of each minute of the
        last hour, and percentiles of how long tasks waited and ran.
        """
        return json_response(StatsResponse().dump(use_cases().get_statistics().execute()))
