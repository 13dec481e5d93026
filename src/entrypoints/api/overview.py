"""/queues, /workers, /types and /stats: the service as those who run it see it."""

from flask import Response
from flask.views import MethodView

from entrypoints.api.answers import (
    QueueAnswer,
    QueueListAnswer,
    StatsAnswer,
    TypeListAnswer,
    WorkerListAnswer,
    answer,
    listed,
    serialize_queue,
    serialize_statistics,
    serialize_type,
    serialize_worker,
)
from entrypoints.api.blueprints import StrictBlueprint, use_cases

blueprint = StrictBlueprint("overview", __name__, description="Queues, workers, types and numbers.")


@blueprint.route("/queues")
class Queues(MethodView):
    @blueprint.doc(operationId="listQueues")
    @blueprint.problems()
    @blueprint.response(200, QueueListAnswer)
    @blueprint.no_query
    def get(self) -> Response:
        """List the queues.

        A queue is listed while a task names it, a worker serves it or it is paused.
        """
        return listed("queues", [serialize_queue(report) for report in use_cases().list_queues().execute()])


@blueprint.route("/queues/<queue>")
class OneQueue(MethodView):
    @blueprint.doc(operationId="removeQueue")
    @blueprint.problems("queue_not_found", "queue_in_use")
    @blueprint.response(204)
    @blueprint.no_query
    def delete(self, queue: str) -> Response:
        """Remove a queue from the list.

        It has no task, and no living worker serves it; its pause is removed with it.
        """
        use_cases().remove_queue().execute(queue)
        return Response(status=204)


@blueprint.route("/queues/<queue>/pause")
class Pause(MethodView):
    @blueprint.doc(operationId="pauseQueue")
    @blueprint.problems("queue_not_found")
    @blueprint.response(200, QueueAnswer)
    @blueprint.no_query
    def post(self, queue: str) -> Response:
        """Pause a queue.

        A paused queue accepts tasks and starts none. Tasks that run go on.
        """
        return answer(serialize_queue(use_cases().pause_queue().execute(queue, paused=True)))


@blueprint.route("/queues/<queue>/resume")
class Resume(MethodView):
    @blueprint.doc(operationId="resumeQueue")
    @blueprint.problems("queue_not_found")
    @blueprint.response(200, QueueAnswer)
    @blueprint.no_query
    def post(self, queue: str) -> Response:
        """Resume a paused queue.

        Workers start its tasks again. A queue that is not paused stays as it is.
        """
        return answer(serialize_queue(use_cases().pause_queue().execute(queue, paused=False)))


@blueprint.route("/workers")
class Workers(MethodView):
    @blueprint.doc(operationId="listWorkers")
    @blueprint.problems()
    @blueprint.response(200, WorkerListAnswer)
    @blueprint.no_query
    def get(self) -> Response:
        """List the workers that are alive.

        A worker that sends no heartbeat any more is left out.
        """
        return listed("workers", [serialize_worker(report) for report in use_cases().list_workers().execute()])


@blueprint.route("/types")
class Types(MethodView):
    @blueprint.doc(operationId="listTypes")
    @blueprint.problems()
    @blueprint.response(200, TypeListAnswer)
    @blueprint.no_query
    def get(self) -> Response:
        """List the types of tasks.

        Each has a JSON Schema of the payload that it takes.
        """
        return listed("types", [serialize_type(type) for type in use_cases().list_types().execute()])


@blueprint.route("/stats")
class Stats(MethodView):
    @blueprint.doc(operationId="getStatistics")
    @blueprint.problems()
    @blueprint.response(200, StatsAnswer)
    @blueprint.no_query
    def get(self) -> Response:
        """Count and time the tasks.

        The response has the numbers of tasks by status, type and queue, those of each minute of the last hour, and
        percentiles of how long tasks waited and ran.
        """
        return answer(serialize_statistics(use_cases().get_statistics().execute()))
