"""Read the usual body of a submit without marshmallow, which takes most of its time.

A test holds `plain_spec` to TaskBody: where it returns a specification, TaskBody returns the same.
"""

from collections.abc import Callable, Mapping
from typing import Any

from domain.errors import InvalidTaskSpec
from domain.retry_policy import RetryPolicy
from domain.task_spec import DEFAULT_TYPE, DURATION_SECONDS, TaskSpec, is_printable
from entrypoints.api.schemas.fields import TYPE_LENGTH

MEMBERS: Mapping[str, type] = {
    "task_name": str,
    "type": str,
    "duration": int,
    "payload": dict,
    "queue": str,
    "priority": int,
    "timeout": int,
    "labels": dict,
}
"""The members of a body that a specification holds as they are in JSON."""


def plain_spec(body: Any, default_retry: Callable[[str], RetryPolicy]) -> TaskSpec | None:
    """Return the specification of a body of plain and valid members.

    Returns None for any other body. TaskBody reads it, and says what is wrong.
    """
    if type(body) is not dict or "task_name" not in body:
        return None
    for name, value in body.items():
        if type(value) is not MEMBERS.get(name):
            return None
    kind = body.get("type", DEFAULT_TYPE)
    if len(kind) not in TYPE_LENGTH or not is_printable(kind):
        return None
    if body.get("duration", 0 if kind == DEFAULT_TYPE else 1) not in DURATION_SECONDS:
        return None
    if not all(type(value) is str for value in body.get("labels", {}).values()):
        return None
    try:
        return TaskSpec(**body, retry=default_retry(kind))
    except InvalidTaskSpec:
        return None
