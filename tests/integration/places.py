"""Lists and maps of the specification's bodies, each filled to the limit of a body."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

MARK = "the list or map stands here"
BODY_BYTES, BATCH_BYTES = 256 * 1024, 8 * 1024 * 1024
LARGE = {"/tasks/batch", "/tasks/actions"}
MAX_VALUES, MAX_PAYLOAD_VALUES = 60_000, 30_000
ELEMENTS = ["{}", "1.2345678901234567", '"x"', '{"a":0}']
A_TASK = {"task_name": "x", "duration": 1}
SKELETONS: dict[str, dict[str, Any]] = {
    "/tasks": A_TASK,
    "/tasks/{task_id}": A_TASK,
    "/tasks/batch": {"tasks": [A_TASK]},
    "/tasks/actions": {"action": "cancel", "dry_run": True},
    "/tasks/{task_id}/links": {},
    "/schedules/{schedule}": {"cron": "* * * * *", "task": A_TASK},
    "/schedules/preview": {"cron": "* * * * *"},
    "/keys": {"name": "x", "role": "viewer"},
    "/keys/{key_id}/rotate": {},
}


@dataclass(frozen=True)
class Place:
    """A list or map in the body of an operation."""

    method: str
    path: str
    body: str
    """The JSON text around it, with MARK in its place."""
    is_map: bool
    most: int | None
    """The number of elements or members that the specification allows."""

    @property
    def most_bytes(self) -> int:
        return BATCH_BYTES if self.path in LARGE else BODY_BYTES

    def bodies(self) -> Iterator[bytes]:
        """Yield bodies with as many elements as the limits of bytes, values and the place allow."""
        room = self.most_bytes - len(self.body.encode())
        for element in ELEMENTS[-3:] if self.path in LARGE else ELEMENTS:
            each = len(element) + (len('"1234567":,') if self.is_map else 1)
            values = 2 if element.startswith("{") else 1
            fitting = room // each
            limits = {
                (MAX_VALUES - 100) // values,
                (MAX_PAYLOAD_VALUES - 100) // values,
                self.most or fitting,
            }
            for number in {min(fitting, limit) for limit in limits}:
                yield self.body.replace(json.dumps(MARK), self._filled(element, number)).encode()

    def _filled(self, element: str, number: int) -> str:
        if self.is_map:
            return "{" + ",".join([f'"{1_000_000 + at}":{element}' for at in range(number)]) + "}"
        return "[" + ",".join([element] * number) + "]"


def places(document: dict[str, Any], types: list[dict[str, Any]]) -> list[Place]:
    found = []
    for path, item in document["paths"].items():
        for method in ("post", "put", "patch"):
            if "requestBody" in item.get(method, {}):
                schema = item[method]["requestBody"]["content"]["application/json"]["schema"]
                skeleton = {} if method == "patch" else SKELETONS[path]
                found += dict.fromkeys(_within(document, schema, method, path, skeleton, []))
    for path in ("/tasks", "/tasks/batch"):
        for type in types:
            task = {"task_name": "x", "type": type["type"], "payload": {"url": "http://127.0.0.1/"}}
            skeleton, at = (
                ({"tasks": [task]}, ["tasks", 0, "payload"])
                if path in LARGE
                else (task, ["payload"])
            )
            found += _within(
                type["payload_schema"], type["payload_schema"], "post", path, skeleton, at
            )
    return found


def _within(
    document: dict[str, Any],
    schema: dict[str, Any],
    method: str,
    path: str,
    skeleton: Any,
    at: list[Any],
) -> list[Place]:
    """Return the lists and maps of a schema, including itself."""
    while "$ref" in schema:
        node: Any = document
        for part in schema["$ref"].removeprefix("#/").split("/"):
            node = node[part]
        schema = node
    found: list[Place] = []
    for variant in [*schema.get("anyOf", []), *schema.get("oneOf", [])]:
        found += _within(document, variant, method, path, skeleton, at)
    types = schema.get("type")
    kinds = set(types) if isinstance(types, list) else {types}
    if at and kinds & {"array", "object"}:
        is_map, most = (
            "object" in kinds,
            schema.get("maxProperties" if "object" in kinds else "maxItems") or None,
        )
        found.append(Place(method, path, json.dumps(_with(skeleton, at, MARK)), is_map, most))
    if not at:  # unknown members
        found.append(Place(method, path, json.dumps(MARK), True, None))
    for name, member in schema.get("properties", {}).items():
        found += _within(document, member, method, path, skeleton, [*at, name])
    if isinstance(schema.get("items"), dict):
        found += _within(document, schema["items"], method, path, skeleton, [*at, 0])
    if isinstance(schema.get("additionalProperties"), dict):
        found += _within(
            document, schema["additionalProperties"], method, path, skeleton, [*at, "a"]
        )
    return found


def _with(value: Any, at: list[Any], mark: str) -> Any:
    if not at:
        return mark
    if at[0] == 0:
        first = value[0] if isinstance(value, list) and value else {}
        return [_with(first, at[1:], mark)]
    members = value if isinstance(value, dict) else {}
    return {**members, at[0]: _with(members.get(at[0], {}), at[1:], mark)}
