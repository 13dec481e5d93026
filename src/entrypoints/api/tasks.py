"""/tasks: submit, read, list, change, cancel and delete."""

from typing import Any

from flask import current_app, request
from flask.views import MethodView

from application.ports.task_repository import Window
from application.task_filter import EVERY_TASK
from domain.task import Task
from domain.task_spec import TaskPatch, TaskSpec
from entrypoints.api.arguments import StrictBlueprint
from entrypoints.api.schemas import (
    PageQuery,
    TaskAnswer,
    TaskBody,
    TaskListAnswer,
    TaskPatchBody,
    location,
)
from entrypoints.container import Container

blueprint = StrictBlueprint("tasks", __name__, description="The work and what became of it.")


Tagged = tuple[Task, dict[str, str]]
"""A task and the header with its version."""


def use_cases() -> Container:
    container: Container = current_app.extensions["container"]
    return container


def tagged(task: Task) -> Tagged:
    return task, {"ETag": f'"{task.version}"'}


def wanted_versions() -> frozenset[int] | None:
    """The versions that If-Match names; None when any will do."""
    if "If-Match" not in request.headers or request.if_match.star_tag:
        return None
    return frozenset(int(tag) for tag in request.if_match.as_set() if tag.isascii() and tag.isdigit())


@blueprint.route("/tasks")
class Tasks(MethodView):
    @blueprint.arguments(TaskBody())
    @blueprint.response(202, TaskAnswer, headers={"Location": {"schema": {"type": "string"}}})
    def post(self, spec: TaskSpec) -> tuple[Task, int, dict[str, str]]:
        """Submit a task."""
        task = use_cases().submit_tasks().execute([spec]).tasks[0]
        return task, 202, location(task)

    @blueprint.arguments(PageQuery(), location="query")
    @blueprint.response(200, TaskListAnswer)
    def get(self, wanted: Window) -> dict[str, Any]:
        """List tasks, oldest first."""
        page = use_cases().list_tasks().execute(EVERY_TASK, wanted)
        total = page.total or 0
        pagination = {
            "current_page": wanted.offset // wanted.limit + 1,
            "page_size": wanted.limit,
            "total_pages": -(-total // wanted.limit),
            "total_tasks": total,
        }
        return {"pagination": pagination, "tasks": page.tasks}


@blueprint.route("/tasks/<task_id>")
class OneTask(MethodView):
    @blueprint.response(200, TaskAnswer)
    def get(self, task_id: str) -> Tagged:
        """Read a task."""
        return tagged(use_cases().get_task().execute(task_id))

    @blueprint.arguments(TaskPatchBody())
    @blueprint.response(200, TaskAnswer)
    def patch(self, patch: TaskPatch, task_id: str) -> Tagged:
        """Change some members: task_name and labels always, the others while the task waits."""
        return tagged(use_cases().update_task().execute(task_id, patch, wanted_versions()))

    @blueprint.arguments(TaskBody())
    @blueprint.response(200, TaskAnswer)
    def put(self, spec: TaskSpec, task_id: str) -> Tagged:
        """Replace what a waiting task will do."""
        return tagged(use_cases().update_task().execute(task_id, spec, wanted_versions()))

    @blueprint.response(204)
    def delete(self, task_id: str) -> None:
        """Delete a task that does not run."""
        use_cases().delete_task().execute(task_id)


@blueprint.route("/tasks/<task_id>/cancel")
class Cancel(MethodView):
    @blueprint.response(200, TaskAnswer)
    def post(self, task_id: str) -> tuple[Task, int]:
        """Cancel a task: at once when it waits, within seconds (202) when it runs."""
        task = use_cases().cancel_task().execute(task_id)
        return task, 200 if task.status.is_final else 202
