"""/metrics: numbers for monitoring, in the formats of Prometheus and OpenMetrics."""

from flask import Response
from flask.views import MethodView

from entrypoints.api.exposition import exposition
from entrypoints.api.metric_format import OPENMETRICS, PLAIN, Exposition, chosen_format
from entrypoints.api.resources.blueprints import metrics as blueprint
from entrypoints.api.resources.turns import long_read
from entrypoints.api.traffic import traffic
from entrypoints.api.use_cases import use_cases

EXAMPLE = """# HELP task_manager_redis_up 1 if Redis replies, 0 if not.
# TYPE task_manager_redis_up gauge
task_manager_redis_up 1.0
"""
RESPONSE = {
    "description": "The metrics. `Accept` chooses the format, which is Prometheus's own by "
    "default. Without Redis there are only task_manager_redis_up, which is 0 then, and the metrics "
    "of HTTP requests.",
    "content": {
        PLAIN: {"schema": {"type": "string"}, "example": EXAMPLE},
        OPENMETRICS: {"schema": {"type": "string"}, "example": f"{EXAMPLE}# EOF\n"},
    },
}


@blueprint.route("/metrics")
class Metrics(MethodView):
    @blueprint.doc(operationId="getMetrics")
    @blueprint.problems("overloaded")
    @blueprint.response(200)
    @blueprint.doc(responses={"200": RESPONSE})
    @blueprint.no_query
    @long_read
    def get(self) -> Response:
        """Get metrics for Prometheus.

        All processes of this API count together. At most 200 queues and 200 types have their names;
        the others have the name `other`.
        """
        write, media_type = chosen_format()
        reading = traffic().read()
        found = use_cases().collect_metrics().execute(reading.position)
        text = write(Exposition(exposition(found, reading)))
        response = Response(text, headers={"Cache-Control": "no-store"})
        response.headers["Content-Type"] = media_type
        return response
