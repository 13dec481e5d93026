"""Find the members of payloads that the JSON Schema of their type marks as `writeOnly`."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from application.secret_members import Tree

IN_PLACE = ("allOf", "anyOf", "oneOf", "if", "then", "else")
"""Keywords of schemas for the same value. A value is secret if any of these marks it."""

Schema = Mapping[str, Any]


class SecretSchema:
    """The members that one schema marks."""

    def __init__(self, schema: Schema, let_others_run: Callable[[], None] = lambda: None) -> None:
        """`let_others_run` is called between the parts of a payload."""
        self._schema = schema
        self._let_others_run = let_others_run
        self._applying: dict[tuple[int, ...], list[Schema]] = {}
        self.exist = _marks(schema)
        """Whether the schema marks any member."""

    def find(self, payload: Mapping[str, Any]) -> Tree | None:
        """Return the tree of the values that the schema marks; None if there is none."""
        if not self.exist:
            return None
        applying = self._all_applying([self._schema])
        parts = ((name, part, _of_member(applying, name)) for name, part in payload.items())
        return self._inner("m", parts)

    def _find(self, value: Any, schemas: Sequence[Schema]) -> Tree | None:
        applying = self._all_applying(schemas)
        if any(schema.get("writeOnly") is True for schema in applying):
            return {"v": value}
        if isinstance(value, dict):
            parts = ((name, part, _of_member(applying, name)) for name, part in value.items())
            return self._inner("m", parts)
        if isinstance(value, list):
            items = ((str(at), part, _of_item(applying, at)) for at, part in enumerate(value))
            return self._inner("i", items)
        return None

    def _inner(self, kind: str, parts: Iterator[tuple[str, Any, list[Schema]]]) -> Tree | None:
        self._let_others_run()
        found = {}
        for name, part, schemas in parts:
            tree = self._find(part, schemas) if schemas else None
            if tree:
                found[name] = tree
        return {kind: found} if found else None

    def _all_applying(self, schemas: Sequence[Schema]) -> list[Schema]:
        """Return these schemas and all to which they refer, or of which they are made up."""
        key = tuple(map(id, schemas))
        if key not in self._applying:
            self._applying[key] = list(_resolved(schemas, self._schema))
        return self._applying[key]


def _marks(schema: Any) -> bool:
    if isinstance(schema, Mapping):
        return schema.get("writeOnly") is True or any(map(_marks, schema.values()))
    return isinstance(schema, list | tuple) and any(map(_marks, schema))


def _resolved(schemas: Sequence[Schema], root: Schema) -> Iterator[Schema]:
    waiting, seen = list(schemas), set[int]()
    while waiting:
        schema = waiting.pop()
        if not isinstance(schema, Mapping) or id(schema) in seen:
            continue
        seen.add(id(schema))
        yield schema
        if "$ref" in schema:
            waiting.append(_referred(str(schema["$ref"]), root))
        for name in IN_PLACE:
            parts = schema.get(name, ())
            waiting += parts if isinstance(parts, list) else [parts]


def _referred(reference: str, root: Schema) -> Any:
    """Return the schema to which a reference within the document points; empty for another."""
    found: Any = root
    for step in reference.removeprefix("#").split("/")[1:]:
        name = step.replace("~1", "/").replace("~0", "~")
        found = found.get(name, {}) if isinstance(found, Mapping) else {}
    return found


def _of_member(schemas: Sequence[Schema], name: str) -> list[Schema]:
    found = []
    for schema in schemas:
        named = schema.get("properties", {})
        patterns = schema.get("patternProperties", {})
        own = [named[name]] if name in named else []
        own += [inner for pattern, inner in patterns.items() if re.search(pattern, name)]
        found += own or [schema.get("additionalProperties")]
    return [schema for schema in found if isinstance(schema, Mapping)]


def _of_item(schemas: Sequence[Schema], at: int) -> list[Schema]:
    found = []
    for schema in schemas:
        first = schema.get("prefixItems", ())
        found.append(first[at] if at < len(first) else schema.get("items"))
    return [schema for schema in found if isinstance(schema, Mapping)]
