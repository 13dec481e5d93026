"""Reads JSON as RFC 8259 means it: no NaN, no doubled members, no bottomless nesting."""

import hashlib
import json
from typing import Any

MAX_DEPTH = 32


class InvalidJson(ValueError):
    """The body is not JSON that this service takes; the message says why."""


def parse(body: bytes) -> Any:
    """Raises InvalidJson."""
    try:
        value = json.loads(body.decode(), parse_constant=_refuse_constant, object_pairs_hook=_unique)
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


def fingerprint(value: Any) -> bytes:
    """32 bytes that are the same for the same JSON, however it is written."""
    canonical = json.dumps(_plain(value), sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).digest()


def _plain(value: Any) -> Any:
    """1.0 and 1 are the same number."""
    if isinstance(value, dict):
        return {name: _plain(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [_plain(inner) for inner in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _refuse_constant(name: str) -> Any:
    raise InvalidJson(f"{name} is not a JSON value.")


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members: dict[str, Any] = {}
    for name, value in pairs:
        if name in members:
            raise InvalidJson(f"The member {json.dumps(name)} stands twice in one object.")
        members[name] = value
    return members


def _check_depth(value: Any) -> None:
    level, depth = [value], 0
    while level:
        containers = [item for item in level if isinstance(item, dict | list)]
        depth += bool(containers)
        if depth > MAX_DEPTH:
            raise InvalidJson(f"The body is nested deeper than {MAX_DEPTH} levels.")
        level = [inner for item in containers for inner in (item.values() if isinstance(item, dict) else item)]
