"""/queues: list, remove, pause, resume and scale queues."""

from datetime import timedelta

from flask import Response
from flask.views import MethodView

from entrypoints.api.resources.blueprints import overview as blueprint
from entrypoints.api.resources.json_response import json_response, list_response
from entrypoints.api.resources.turns import long_read
from entrypoints.api.schemas.operations_responses import QueueListResponse, QueueResponse
from entrypoints.api.schemas.scaling import ScalingQuery, ScalingResponse
from entrypoints.api.use_cases import use_cases


@blueprint.route("/queues")
class Queues(MethodView):
    @blueprint.doc(operationId="listQueues")
    @blueprint.problems("overloaded")
    @blueprint.response(200, QueueListResponse)
    @blueprint.no_query
    @long_read
    def get(self) -> Response:
        """List the queues.

        A queue is listed while a task names it, a worker serves it or it is paused.
        """
        return list_response("queues", QueueResponse(), use_cases().list_queues().execute())


@blueprint.route("/queues/<queue>")
class OneQueue(MethodView):
    @blueprint.doc(operationId="removeQueue")
    @blueprint.problems("queue_not_found", "queue_in_use")
    @blueprint.response(204)
    @blueprint.no_query
    def delete(self, queue: str) -> Response:
        """Remove a queue from the list.

        Only a queue without tasks that no living worker serves can be removed. Its pause is removed
        with it.
        """
        use_cases().remove_queue().execute(queue)
        return Response(status=204)


@blueprint.route("/queues/<queue>/pause")
class Pause(MethodView):
    @blueprint.doc(operationId="pauseQueue")
    @blueprint.problems("queue_not_found")
    @blueprint.response(200, QueueResponse)
    @blueprint.no_query
    def post(self, queue: str) -> Response:
        """Pause a queue.

        A paused queue accepts tasks and starts none. Running tasks go on.
        """
        return _queue_response(queue, paused=True)


@blueprint.route("/queues/<queue>/resume")
class Resume(MethodView):
    @blueprint.doc(operationId="resumeQueue")
    @blueprint.problems("queue_not_found")
    @blueprint.response(200, QueueResponse)
    @blueprint.no_query
    def post(self, queue: str) -> Response:
        """Resume a paused queue.

        Workers start its tasks again. A queue that is not paused stays as it is.
        """
        return _queue_response(queue, paused=False)


@blueprint.route("/queues/<queue>/scaling")
class Scaling(MethodView):
    @blueprint.doc(operationId="getScaling")
    @blueprint.problems("queue_not_found", "overloaded")
    @blueprint.response(200, ScalingResponse)
    @blueprint.arguments(ScalingQuery(), location="query")
    @long_read
    def get(self, wanted: dict[str, int], queue: str) -> Response:
        """Get the number of places that a queue needs, to start and stop workers.

        A place runs one task at a time. The number follows from the waiting tasks, the running
        ones and the measured times of runs. A queue that no task has named yet needs none.
        """
        drain = timedelta(seconds=wanted["drain_seconds"])
        return json_response(
            ScalingResponse().dump(use_cases().get_scaling().execute(queue, drain))
        )


def _queue_response(queue: str, *, paused: bool) -> Response:
    report = use_cases().pause_queue().execute(queue, paused=paused)
    return json_response(QueueResponse().dump(report))
