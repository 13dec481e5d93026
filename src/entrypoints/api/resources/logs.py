"""/tasks/<id>/logs: the lines that the runs of a task logged."""

from flask import Response
from flask.views import MethodView

from entrypoints.api.resources.blueprints import tasks as blueprint
from entrypoints.api.resources.json_response import list_response
from entrypoints.api.resources.turns import long_read
from entrypoints.api.schemas.log_responses import LogLineResponse, LogResponse
from entrypoints.api.schemas.queries import LogQuery
from entrypoints.api.use_cases import use_cases


@blueprint.route("/tasks/<task:task_id>/logs")
class Logs(MethodView):
    @blueprint.doc(operationId="getTaskLog")
    @blueprint.problems("task_not_found", "overloaded")
    @blueprint.response(200, LogResponse)
    @blueprint.arguments(LogQuery(), location="query")
    @long_read
    def get(self, wanted: dict[str, int], task_id: str) -> Response:
        """Read the log of a task.

        The log holds the last 1,000 lines that the task's runs wrote.
        """
        lines = use_cases().read_details().log(task_id, wanted["after"])
        return list_response("lines", LogLineResponse(), lines)
