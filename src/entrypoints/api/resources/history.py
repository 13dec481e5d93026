"""/tasks/<id>/history: what happened to a task, when and by whom."""

from typing import Any

from flask import Response
from flask.views import MethodView

from application.task_serializer import serialize_actor
from domain.history import HistoryEntry, MemberChange
from entrypoints.api.concurrency.cooperation import paced
from entrypoints.api.resources.blueprints import tasks as blueprint
from entrypoints.api.resources.examples import A_CHANGE
from entrypoints.api.resources.json_response import json_response
from entrypoints.api.resources.turns import long_read
from entrypoints.api.schemas.cursor_field import encode_position
from entrypoints.api.schemas.history_responses import HistoryEntryResponse, HistoryResponse
from entrypoints.api.schemas.queries import HistoryQuery
from entrypoints.api.use_cases import use_cases


@blueprint.route("/tasks/<task:task_id>/history")
class History(MethodView):
    @blueprint.doc(operationId="getHistory")
    @blueprint.problems("task_not_found", "overloaded")
    @blueprint.response(200, HistoryResponse, example={"entries": [A_CHANGE], "unrecorded": 0})
    @blueprint.arguments(HistoryQuery(), location="query")
    @long_read
    def get(self, wanted: dict[str, Any], task_id: str) -> Response:
        """Read the history of a task: what changed, when and by whom.

        Each version of the task has one entry. The last 200 changes are stored, as long as the
        task. Values of payloads and results are not shown.
        """
        after = int(wanted["cursor"].partition("-")[0]) if "cursor" in wanted else 0
        page = use_cases().read_history().execute(task_id, limit=wanted["page_size"], after=after)
        schema = HistoryEntryResponse()
        members: dict[str, Any] = {
            "entries": [schema.dump(_members(entry)) for entry in paced(page.entries)],
            "unrecorded": page.unrecorded,
        }
        if page.next:
            members["next_cursor"] = encode_position(f"{page.next}-0")
        return json_response(members)


def _members(entry: HistoryEntry) -> dict[str, Any]:
    return {
        **vars(entry),
        "actor": entry.actor and serialize_actor(entry.actor),
        "changes": list(map(_change, entry.changes)),
    }


def _change(change: MemberChange) -> dict[str, Any]:
    if not change.are_shown:
        return {"member": change.member, "hidden": True}
    return {"member": change.member, "before": change.before, "after": change.after}
