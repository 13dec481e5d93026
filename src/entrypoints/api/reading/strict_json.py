"""A strict parser of JSON (RFC 8259): no NaN, no duplicate members, no deep nesting."""

import gc
import hashlib
import json
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from application.json_values import MAX_DEPTH, has_more_values
from entrypoints.api.concurrency.cooperation import let_others_run

MAX_VALUES = 60_000
"""Limit on the list elements and object members of one body. An empty list or object counts as one.

json.loads takes up to 60 ms for this number, and nothing else runs meanwhile.
"""
MAX_DIGITS = 309
"""Limit on the digits of a whole number. No double has more, and parsing takes quadratic time."""
MAX_COMPARED_FLOAT = 1e22
"""Limit up to which 1.0 and 1 have the same request hash.

Larger whole numbers would be hashed in up to 309 digits.
"""


class InvalidJson(ValueError):
    """The body is not JSON that this service accepts; the message says why."""


def parse(body: bytes) -> Any:
    """Return the value of a JSON text. Raises InvalidJson."""
    if has_more_values(body, MAX_VALUES, let_others_run):
        raise InvalidJson(
            f"The body has more than {MAX_VALUES:,} list elements and object members. Send less at "
            "once."
        )
    let_others_run()
    try:
        with _no_collections():
            value = json.loads(
                body.decode(),
                parse_constant=_refuse_constant,
                parse_int=_whole_number,
                object_pairs_hook=_unique,
            )
    except RecursionError:
        raise InvalidJson(f"The body is nested deeper than {MAX_DEPTH} levels.") from None
    except UnicodeDecodeError:
        raise InvalidJson("The body is not UTF-8.") from None
    except json.JSONDecodeError as error:
        raise InvalidJson(f"The body is not JSON: {error}.") from None
    except InvalidJson:
        raise
    except ValueError as error:
        raise InvalidJson(f"The body is not JSON: {error}.") from None
    _check_depth(value)
    return value


def request_hash(value: Any) -> bytes:
    """Return 32 bytes that are equal for equal JSON, whatever its spelling."""
    canonical = hashlib.sha256()
    for part in _parts(_plain(value)):
        let_others_run()
        canonical.update(part.encode())
    return canonical.digest()


@contextmanager
def _no_collections() -> Iterator[None]:
    """Put off garbage collections during the block.

    Each would visit every value made so far; together they took as long as the parsing itself.
    """
    collects = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collects:
            gc.enable()


def _parts(value: Any, depth: int = 2) -> Iterator[str]:
    """Yield canonical JSON in parts: down to `depth` levels, each member and element on its own."""
    if not (depth and value and isinstance(value, dict | list)):
        yield json.dumps(value, sort_keys=True, separators=(",", ":"))
        return
    opening, closing = "{}" if isinstance(value, dict) else "[]"
    for name in sorted(value) if isinstance(value, dict) else range(len(value)):
        yield opening + (f"{json.dumps(name)}:" if isinstance(value, dict) else "")
        yield from _parts(value[name], depth - 1)
        opening = ","
    yield closing


def _plain(value: Any) -> Any:
    """Return the value with whole numbers in one spelling: 1.0 and 1 are the same number."""
    if isinstance(value, dict):
        let_others_run()
        return {name: _plain(inner) for name, inner in value.items()}
    if isinstance(value, list):
        let_others_run()
        return [_plain(inner) for inner in value]
    if isinstance(value, float) and value.is_integer() and abs(value) <= MAX_COMPARED_FLOAT:
        return int(value)
    return value


def _whole_number(digits: str) -> int:
    if len(digits) > MAX_DIGITS + digits.startswith("-"):
        raise InvalidJson(f"A number has {len(digits):,} digits; {MAX_DIGITS} are allowed.")
    return int(digits)


def _refuse_constant(name: str) -> Any:
    raise InvalidJson(f"{name} is not a JSON value.")


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) < len(pairs):
        [(name, _)] = Counter(name for name, _ in pairs).most_common(1)
        raise InvalidJson(f"The member {json.dumps(name)} occurs more than once in one object.")
    return members


def _check_depth(value: Any) -> None:
    level, depth = [value], 0
    while level:
        let_others_run()
        containers = [item for item in level if isinstance(item, dict | list)]
        depth += bool(containers)
        if depth > MAX_DEPTH:
            raise InvalidJson(f"The body is nested deeper than {MAX_DEPTH} levels.")
        level = [
            inner
            for item in containers
            for inner in (item.values() if isinstance(item, dict) else item)
        ]
