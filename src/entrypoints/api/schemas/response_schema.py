"""The base of all schemas of responses."""

from typing import Any

from marshmallow import Schema, post_dump

from application.task_serializer import drop_none


class ResponseSchema(Schema):
    """A schema that leaves out members without a value.

    Its name in the specification ends in `Answer` instead of `Response`; see `component_name`.
    """

    @post_dump
    def leave_out_missing(self, members: dict[str, Any], **_: Any) -> dict[str, Any]:
        return drop_none(members)
