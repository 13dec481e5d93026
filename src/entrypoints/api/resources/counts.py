"""/tasks/counts: the number of tasks by status, for a filter."""

from flask import Response
from flask.views import MethodView

from application.task_filter import TaskFilter
from entrypoints.api.resources.blueprints import tasks as blueprint
from entrypoints.api.resources.json_response import json_response
from entrypoints.api.resources.turns import long_read
from entrypoints.api.schemas.filters import FilterMembers
from entrypoints.api.schemas.task_responses import TaskCountsResponse
from entrypoints.api.use_cases import use_cases


@blueprint.route("/tasks/counts")
class Counts(MethodView):
    @blueprint.doc(operationId="countTasks")
    @blueprint.problems("overloaded")
    @blueprint.response(
        200, TaskCountsResponse, example={"by_status": {"QUEUED": 4, "FAILED": 1}, "exact": False}
    )
    @blueprint.arguments(FilterMembers(), location="query")
    @long_read
    def get(self, wanted: TaskFilter) -> Response:
        """Count the tasks of each status that match a filter.

        The filters are those of listTasks without status. Numbers that would take long to find are
        absent: those of task_name and q, and those for which more than 10,000 tasks would have to
        be looked at.
        """
        found = use_cases().count_tasks().execute(wanted)
        members = {"by_status": dict(found.numbers), "exact": found.is_exact}
        return json_response(TaskCountsResponse().dump(members))
