"""/stats: statistics of the tasks, now and over time."""

from typing import Any

from flask import Response
from flask.views import MethodView

from application.task_serializer import drop_none, rfc3339
from application.use_cases.operations.get_series import Grouping, Span, TimeSeries
from entrypoints.api.resources.blueprints import overview as blueprint
from entrypoints.api.resources.json_response import json_response
from entrypoints.api.resources.turns import long_read
from entrypoints.api.schemas.operations_responses import StatsResponse
from entrypoints.api.schemas.series_responses import SeriesQuery, SeriesResponse
from entrypoints.api.use_cases import use_cases


@blueprint.route("/stats")
class Stats(MethodView):
    @blueprint.doc(operationId="getStatistics")
    @blueprint.problems("overloaded")
    @blueprint.response(200, StatsResponse)
    @blueprint.no_query
    @long_read
    def get(self) -> Response:
        """Count and time the tasks.

        The response has the numbers of tasks by status, type and queue, those of each minute of the
        last hour, and percentiles of how long tasks waited and ran.
        """
        return json_response(StatsResponse().dump(use_cases().get_statistics().execute()))


@blueprint.route("/stats/series")
class StatsSeries(MethodView):
    @blueprint.doc(operationId="getStatisticsSeries")
    @blueprint.problems("overloaded")
    @blueprint.response(200, SeriesResponse)
    @blueprint.arguments(SeriesQuery(), location="query")
    @long_read
    def get(self, wanted: dict[str, str]) -> Response:
        """Get statistics over time, by queue or type, for charts.

        Minutes are stored for two hours, and hours for 14 days. Each list has one value for each
        step of `begins_at`.
        """
        report = use_cases().get_series().execute(Span(wanted["span"]), Grouping(wanted["by"]))
        # Without marshmallow, which would take seconds for 80,000 values.
        members = {
            "step_seconds": int(report.step.total_seconds()),
            "begins_at": list(map(rfc3339, report.begins_at)),
            "total": _time_series(report.total),
            "series": list(map(_time_series, report.series)),
            "others": report.others and _time_series(report.others),
        }
        return json_response(drop_none(members))


def _time_series(series: TimeSeries) -> dict[str, Any]:
    """Return the form of TimeSeriesResponse."""
    values = {**vars(series), **{what.value: each for what, each in series.counts.items()}}
    del values["counts"]
    return drop_none(values)
