"""Keep the members of a payload that its schema marks as `writeOnly` out of what others see.

The payload of a stored task has a mask in their places. The values are beside it, as a tree of
their places: {"v": value} for a value, {"m": {name: tree}} for an object, {"i": {index: tree}} for
a list.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

from domain.errors import Violation
from domain.task_spec import TaskSpec

MASK = "********"
MIN_TEXT_LENGTH = 4
"""Characters of the shortest value that is masked in texts, such as the lines of a log. Shorter
ones would take away parts of other words."""

Tree = Mapping[str, Any]


class Opened(NamedTuple):
    """A payload with its values, and those of them that were stored before."""

    payload: Mapping[str, Any]
    kept: Tree | None = None


def seal(spec: TaskSpec, secrets: Tree | None, kept: Tree | None = None) -> TaskSpec:
    """Return the specification with masks in the places of both trees, and the values beside them.

    A value that was secret when it was stored stays so, also if its type changes its mind.
    """
    tree = _joined(secrets, kept)
    return spec.with_payload(_masked(dict(spec.payload), tree), tree) if tree else spec


def unseal(spec: TaskSpec) -> TaskSpec:
    """Return the specification with its values in their places, for the work."""
    if spec.secrets is None:
        return spec
    return spec.with_payload(_filled(dict(spec.payload), spec.secrets), None)


def fill_in(payload: Mapping[str, Any], before: TaskSpec | None) -> Opened:
    """Return the payload with the stored values in the places of their masks.

    In a list, only an item that is like the stored one at its place gets its values.
    """
    if before is None or before.secrets is None:
        return Opened(payload)
    kept = _kept(dict(payload), dict(before.payload), before.secrets)
    return Opened(_filled(dict(payload), kept), kept) if kept else Opened(payload)


def unstored_masks(
    tree: Tree | None, kept: Tree | None, pointer: str = "payload"
) -> list[Violation]:
    """Return a violation for each mask that stands for no stored value."""
    if tree is None or kept == tree:
        return []
    if "v" in tree:
        text = (
            f"Must be the value itself. {MASK} only stands for a value that this task has already."
        )
        return [(pointer, text)] if tree["v"] == MASK else []
    [(kind, parts)] = tree.items()
    others = (kept or {}).get(kind, {})
    return [
        violation
        for name, part in parts.items()
        for violation in unstored_masks(part, others.get(name), f"{pointer}/{_escaped(name)}")
    ]


class Redaction:
    """Masks the values of a tree where a text repeats them."""

    def __init__(self, tree: Tree | None) -> None:
        texts = {text for value in _values(tree) for text in _texts(value)}
        long_enough = (text for text in texts if len(text) >= MIN_TEXT_LENGTH and text != MASK)
        self._texts = sorted(long_enough, key=len, reverse=True)

    def text(self, text: str) -> str:
        for secret in self._texts:
            text = text.replace(secret, MASK)
        return text


def _joined(first: Tree | None, second: Tree | None) -> Tree | None:
    """Return a tree with the places of both."""
    if first is None or second is None:
        return first or second
    for kind in ("m", "i"):
        if kind in first and kind in second:
            names = {**first[kind], **second[kind]}
            inner = {name: _joined(first[kind].get(name), second[kind].get(name)) for name in names}
            return {kind: inner}
    return first if "v" in first else second


def _masked(value: Any, tree: Tree) -> Any:
    return _replaced(value, tree, lambda _: MASK)


def _filled(value: Any, tree: Tree) -> Any:
    return _replaced(value, tree, lambda secret: secret)


def _replaced(value: Any, tree: Tree, new: Callable[[Any], Any]) -> Any:
    if "v" in tree:
        return new(tree["v"])
    copy: Any = dict(value) if isinstance(value, Mapping) else list(value)
    for name, inner in tree.get("m", {}).items():
        copy[name] = _replaced(copy[name], inner, new)
    for at, inner in tree.get("i", {}).items():
        copy[int(at)] = _replaced(copy[int(at)], inner, new)
    return copy


def _kept(value: Any, before: Any, tree: Tree) -> Tree | None:
    """Return the part of a stored tree in whose places the value has masks."""
    if "v" in tree:
        return tree if value == MASK else None
    found = {}
    if "m" in tree and isinstance(value, Mapping) and isinstance(before, Mapping):
        for name, inner in tree["m"].items():
            if name in value and (part := _kept(value[name], before.get(name), inner)):
                found[name] = part
        return {"m": found} if found else None
    if "i" in tree and isinstance(value, list) and isinstance(before, list):
        for at, inner in tree["i"].items():
            place = int(at)
            if place < min(len(value), len(before)) and value[place] == before[place]:
                found[at] = inner
        return {"i": found} if found else None
    return None


def _values(tree: Tree | None) -> Iterator[Any]:
    if tree is None:
        return
    if "v" in tree:
        yield tree["v"]
    for parts in (tree.get("m", {}), tree.get("i", {})):
        for part in parts.values():
            yield from _values(part)


def _texts(value: Any) -> Iterator[str]:
    """Yield the texts by which a value may be known."""
    if isinstance(value, str):
        yield from (value, json.dumps(value)[1:-1], repr(value)[1:-1])
        yield from value.splitlines()
    elif isinstance(value, Mapping):
        for part in value.values():
            yield from _texts(part)
    elif isinstance(value, list):
        for part in value:
            yield from _texts(part)
    elif isinstance(value, int | float) and not isinstance(value, bool):
        yield json.dumps(value)


def _escaped(name: str) -> str:
    return name.replace("~", "~0").replace("/", "~1")
