"""A call of the API as a value: what is sent, and how the response is read."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, Generic, TypeVar
from urllib.parse import quote, urlencode

from task_manager_client.errors import Problem, ProblemDetails, UnexpectedResponse
from task_manager_client.models import Model
from task_manager_client.reading import read

T = TypeVar("T")
M = TypeVar("M", bound=Model)


@dataclass(frozen=True)
class Response:
    """An HTTP response. The names of its headers are in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> Any:
        """Return the body. Raises UnexpectedResponse if it is not JSON."""
        try:
            return json.loads(self.body)
        except (ValueError, RecursionError) as error:
            raise UnexpectedResponse(self.status, "the body is not JSON") from error


@dataclass(frozen=True)
class Call(Generic[T]):
    """One request, and the function that reads a successful response to it."""

    method: str
    path: str
    parse: Callable[[Response], T]
    query: tuple[tuple[str, str], ...] = ()
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes | None = None
    repeatable: bool = True
    """Whether sending it twice does the same as sending it once."""
    wait: float = 0
    """Seconds for which the service may hold the response back on purpose."""

    @property
    def target(self) -> str:
        """Return the path with the query, to be appended to the URL of the service."""
        return f"{self.path}?{urlencode(self.query)}" if self.query else self.path

    def result(self, response: Response) -> T:
        """Return the result. Raises Problem or UnexpectedResponse."""
        if 200 <= response.status < 300 or response.status == 304:
            return self.parse(response)
        raise problem(response)


def problem(response: Response) -> Problem | UnexpectedResponse:
    """Return the error that an error response stands for."""
    content_type = response.headers.get("content-type", "").partition(";")[0].strip()
    if content_type != "application/problem+json":
        return UnexpectedResponse(response.status, f"its type is {content_type or 'missing'}")
    try:
        details = read(ProblemDetails, response.json())
    except ValueError as error:
        return UnexpectedResponse(response.status, str(error))
    kind = Problem.known.get(details.code, Problem)
    return kind(details, retry_after(response.headers))


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Return the seconds of Retry-After, which are a number or a date. None if there are none.

    A date is compared with the header Date, so that the clock of this machine does not matter.
    """
    value = headers.get("retry-after", "").strip()
    if value.isascii() and value.isdigit():
        return float(value)
    try:
        wait = parsedate_to_datetime(value) - parsedate_to_datetime(headers.get("date", ""))
    except (ValueError, TypeError):
        return None
    return max(0.0, wait.total_seconds())


def reads(model: type[M]) -> Callable[[Response], M]:
    """Return a function that reads a body of this model. It raises UnexpectedResponse."""
    return lambda response: read_body(model, response)


def read_body(model: type[M], response: Response, **own: Any) -> M:
    """Return the body as a model. Raises UnexpectedResponse."""
    try:
        return read(model, response.json(), **own)
    except ValueError as error:
        raise UnexpectedResponse(response.status, str(error)) from error


def nothing(response: Response) -> None:
    """Read a response without a body."""


def path(*parts: str | int) -> str:
    """Return a path in which each part is quoted, so that no part can name another path."""
    return "/" + "/".join(quote(str(part), safe="") for part in parts)


def to_json(value: Any) -> bytes:
    """Return compact JSON in UTF-8. Datetimes become RFC 3339 text.

    Raises ValueError for NaN, infinities and naive datetimes, and TypeError for what is not JSON.
    """
    try:
        return _dumps(value, ensure_ascii=False).encode()
    except UnicodeEncodeError:  # escaped, a lone surrogate arrives, and the service explains it
        return _dumps(value, ensure_ascii=True).encode()


def time_text(value: datetime | str) -> str:
    """Return RFC 3339 text. Raises ValueError for a datetime without a zone."""
    if isinstance(value, str):
        return value
    if value.tzinfo is None:
        raise ValueError(f"{value!r} has no time zone: use datetime.now(UTC), for instance")
    return value.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _dumps(value: Any, *, ensure_ascii: bool) -> str:
    return json.dumps(
        value,
        ensure_ascii=ensure_ascii,
        allow_nan=False,
        separators=(",", ":"),
        default=_json_default,
    )


def _json_default(value: Any) -> Any:
    if isinstance(value, datetime):
        return time_text(value)
    raise TypeError(f"{value!r} cannot be sent as JSON")
