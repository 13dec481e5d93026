"""/tasks/<id>/cancel and /tasks/<id>/retry."""

from flask import Response
from flask.views import MethodView

from entrypoints.api.resources.blueprints import tasks as blueprint
from entrypoints.api.resources.examples import A_NEW_TASK, A_TASK
from entrypoints.api.resources.task_responses import ETAG, LOCATION, task_response
from entrypoints.api.schemas.task_responses import TaskResponse
from entrypoints.api.use_cases import use_cases


@blueprint.route("/tasks/<task:task_id>/cancel")
class Cancel(MethodView):
    @blueprint.doc(operationId="cancelTask")
    @blueprint.problems("task_not_found", "task_final", "task_busy")
    @blueprint.alt_response(
        202,
        schema=TaskResponse,
        description="The task is running and is stopped within seconds.",
    )
    @blueprint.response(200, TaskResponse, headers=ETAG, example={**A_TASK, "status": "CANCELLED"})
    @blueprint.no_query
    def post(self, task_id: str) -> Response:
        """Cancel a task.

        A waiting task is CANCELLED at once (200). A running one is stopped within seconds (202).
        """
        task = use_cases().cancel_task().execute(task_id)
        return task_response(task, 200 if task.status.is_final else 202)


@blueprint.route("/tasks/<task:task_id>/retry")
class Retry(MethodView):
    @blueprint.doc(operationId="retryTask")
    @blueprint.problems("task_not_found", "task_not_retryable", "task_busy")
    @blueprint.response(202, TaskResponse, headers=ETAG | LOCATION, example=A_NEW_TASK)
    @blueprint.no_query
    def post(self, task_id: str) -> Response:
        """Run a FAILED, CANCELLED or EXPIRED task again.

        The task waits as if it had never run: attempts start from zero, and its result and error
        are removed.
        """
        response = task_response(use_cases().retry_task().execute(task_id), 202)
        response.headers["Location"] = f"/tasks/{task_id}"
        return response
