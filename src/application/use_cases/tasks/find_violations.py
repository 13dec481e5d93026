"""Find everything that is wrong with a task."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from application.admission import Admission
from domain.errors import InvalidTaskSpec, Violation
from domain.task_spec import WORK_MEMBERS, TaskSpec

STAND_IN_NAME = "?"
"""Stands for a name that is wrong or missing, so that the other members can be checked."""


class FindViolations:
    def __init__(self, admission: Admission) -> None:
        self._admission = admission

    def execute(self, members: Mapping[str, Any], wrong: Collection[str]) -> Sequence[Violation]:
        """Return pointer and message of each problem, except those of members in `wrong`.

        `members` are those that could be read; `wrong` names those that could not, or are missing.
        Members whose rules depend on the type are not checked when the type is wrong.
        """
        known = {*wrong, *(WORK_MEMBERS if "type" in wrong else ())}
        violations: list[Violation] = []
        try:
            spec = _spec(members, known)
        except InvalidTaskSpec as error:
            violations += error.violations
            spec = _spec(members, known | {_member(pointer) for pointer, _ in violations})
        try:
            self._admission.admit(spec)
        except InvalidTaskSpec as error:
            violations += [each for each in error.violations if each not in violations]
        return [
            (pointer, message) for pointer, message in violations if _member(pointer) not in known
        ]


def _spec(members: Mapping[str, Any], wrong: Collection[str]) -> TaskSpec:
    """Return the specification without its wrong members. Raises InvalidTaskSpec."""
    right = {name: value for name, value in members.items() if name not in wrong}
    return TaskSpec(**{"task_name": STAND_IN_NAME, **right})


def _member(pointer: str) -> str:
    return pointer.partition("/")[0]
