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
    queue_members,
    stats_members,
    type_members,
    worker_members,
)
from entrypoints.api.blueprints import StrictBlueprint, use_cases

blueprint = StrictBlueprint("overview", __name__, description="Queues, workers, types and numbers.")


@blueprint.route("/queues")
class Queues(MethodView):
    @blueprint.problems()
    @blueprint.response(200, QueueListAnswer)
    @blueprint.no_query
    def get(self) -> Response:
        """List the queues."""
        return listed("queues", [queue_members(report) for report in use_cases().list_queues().execute()])


@blueprint.route("/queues/<queue>")
class OneQueue(MethodView):
    @blueprint.problems("queue_not_found", "queue_in_use")
    @blueprint.response(204)
    @blueprint.no_query
    def delete(self, queue: str) -> Response:
        """Remove a queue from the list, with its pause, that has no task and that no living worker serves."""
        use_cases().remove_queue().execute(queue)
        return Response(status=204)


@blueprint.route("/queues/<queue>/pause")
class Pause(MethodView):
    @blueprint.problems("queue_not_found")
    @blueprint.response(200, QueueAnswer)
    @blueprint.no_query
    def post(self, queue: str) -> Response:
        """Pause a queue: it accepts tasks and starts none; those that run go on."""
        return answer(queue_members(use_cases().pause_queue().execute(queue, paused=True)))


@blueprint.route("/queues/<queue>/resume")
class Resume(MethodView):
    @blueprint.problems("queue_not_found")
    @blueprint.response(200, QueueAnswer)
    @blueprint.no_query
    def post(self, queue: str) -> Response:
        """Start the tasks of a queue again."""
        return answer(queue_members(use_cases().pause_queue().execute(queue, paused=False)))


@blueprint.route("/workers")
class Workers(MethodView):
    @blueprint.problems()
    @blueprint.response(200, WorkerListAnswer)
    @blueprint.no_query
    def get(self) -> Response:
        """List the workers that are alive."""
        return listed("workers", [worker_members(report) for report in use_cases().list_workers().execute()])


@blueprint.route("/types")
class Types(MethodView):
    @blueprint.problems()
    @blueprint.response(200, TypeListAnswer)
    @blueprint.no_query
    def get(self) -> Response:
        """List the types of tasks."""
        return listed("types", [type_members(type) for type in use_cases().list_types().execute()])


@blueprint.route("/stats")
class Stats(MethodView):
    @blueprint.problems()
    @blueprint.response(200, StatsAnswer)
    @blueprint.no_query
    def get(self) -> Response:
        """Count and time the tasks."""
        return answer(stats_members(use_cases().measure_tasks().execute()))
