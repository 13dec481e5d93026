"""Find everything that is wrong with a task."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from application.admission import Admission
from domain.errors import InvalidTaskSpec, Violation
from domain.task_spec import SLEEP, TaskSpec

STAND_IN = {"task_name": "?", "duration": 1}
"""Right values for members that are wrong, so that the others can be checked."""


class FindViolations:
    def __init__(self, admission: Admission) -> None:
        self._admission = admission

    def execute(self, members: Mapping[str, Any], wrong: Collection[str]) -> Sequence[Violation]:
        """Return pointers and messages of all problems besides those of the members that are `wrong` or missing.

        `members` are those that could be read. What depends on a wrong type is not looked at.
        """
        known = {*wrong, *(("duration", "payload") if "type" in wrong else ())}
        violations: list[Violation] = []
        try:
            spec = _spec(members, known)
        except InvalidTaskSpec as error:
            violations += error.violations
            spec = _spec(members, known | {_member(pointer) for pointer, _ in violations})
        try:
            self._admission.check(spec)
        except InvalidTaskSpec as error:
            violations += [each for each in error.violations if each not in violations]
        return [(pointer, message) for pointer, message in violations if _member(pointer) not in known]


def _spec(members: Mapping[str, Any], wrong: Collection[str]) -> TaskSpec:
    """Return the task without its wrong members. Raises InvalidTaskSpec."""
    right = {name: value for name, value in members.items() if name not in wrong}
    if right.get("type", SLEEP) == SLEEP:
        return TaskSpec(**{**STAND_IN, **right})
    return TaskSpec(**{"task_name": STAND_IN["task_name"], **right})


def _member(pointer: str) -> str:
    return pointer.partition("/")[0]
