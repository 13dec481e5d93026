"""Make the dataclasses of `models` from JSON."""

import types
from collections.abc import Callable, Mapping
from dataclasses import fields
from datetime import UTC, datetime
from functools import cache
from typing import Any, TypeVar, Union, get_args, get_origin, get_type_hints

from task_manager_client.models import Model

M = TypeVar("M", bound=Model)
Reader = Callable[[Any], Any]


def read(model: type[M], value: Any, **own: Any) -> M:
    """Return the model. `own` are members that come from elsewhere, such as a header.

    Raises ValueError if the value is not what the specification says.
    """
    if not isinstance(value, dict):
        raise ValueError(f"{model.__name__} is not a JSON object")
    kind: Any = model
    members = {}
    for name, sent, reader in _readers(kind):
        if sent in value:
            try:
                members[name] = reader(value[sent])
            except (TypeError, AttributeError, ValueError) as error:
                raise ValueError(f"{model.__name__}.{sent}: {error}") from error
    try:
        return model(raw=value, **{**members, **own})
    except TypeError as error:  # a member that is required is missing
        raise ValueError(str(error)) from error


def read_time(text: str) -> datetime:
    """Read an RFC 3339 time, or one without a zone, which is in UTC (`submitted_at`)."""
    time = datetime.fromisoformat(text)
    return time.astimezone(UTC) if time.tzinfo else time.replace(tzinfo=UTC)


def sent_name(name: str) -> str:
    """Return the name of a member in JSON: `self_` stands for `self`."""
    return name.rstrip("_")


@cache
def _readers(model: Any) -> tuple[tuple[str, str, Reader], ...]:
    hints = get_type_hints(model)
    names = [each.name for each in fields(model) if each.name != "raw"]
    return tuple((name, sent_name(name), _reader(hints[name])) for name in names)


def _reader(hint: Any) -> Reader:
    origin, arguments = get_origin(hint), get_args(hint)
    if origin in (Union, types.UnionType):
        [inner] = [each for each in arguments if each is not types.NoneType]
        return _reader(inner)
    if origin is tuple:
        item = _reader(arguments[0])
        return lambda values: tuple(map(item, values))
    if isinstance(hint, type) and issubclass(hint, Model):
        return lambda value: read(hint, value)
    if hint is datetime:
        return read_time
    if origin is Mapping or (isinstance(hint, type) and issubclass(hint, dict)):
        return dict
    return lambda value: value
