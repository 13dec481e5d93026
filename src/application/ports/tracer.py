"""Record what happens to a task as spans of a distributed trace."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from domain.trace_context import TraceContext

Attributes = Mapping[str, str | int]


class SpanKind(StrEnum):
    """The part that a span has in its trace, as OpenTelemetry names it."""

    SERVER = "server"
    CLIENT = "client"
    PRODUCER = "producer"
    CONSUMER = "consumer"
    INTERNAL = "internal"


@dataclass(frozen=True, kw_only=True)
class Operation:
    """What a span is about. Neither name nor attributes have payloads, secrets or free text."""

    name: str
    """One of few: it has no ids."""
    kind: SpanKind
    attributes: Attributes


class Span(ABC):
    """A span that goes on."""

    @property
    @abstractmethod
    def context(self) -> TraceContext | None:
        """The context to pass on: that of this span, or that of its parent if it is not recorded.

        None if there is neither.
        """

    @abstractmethod
    def note(self, attributes: Attributes, *, name: str = "", error: str = "") -> None:
        """Add attributes. `name` replaces the name. `error` is a word for what failed."""


class Tracer(ABC):
    """Makes spans. None of its methods raises an error or waits for the receiver of the spans."""

    is_on: bool
    """False if no span is ever recorded."""

    @abstractmethod
    def start(self) -> None:
        """Begin to send spans. Call it in each process, after its fork."""

    @abstractmethod
    def span(
        self,
        operation: Operation,
        parent: TraceContext | None,
        *,
        link: TraceContext | None = None,
    ) -> AbstractContextManager[Span]:
        """Return a block that is a span. Within it the span is the current one of this thread.

        The span is a child of the current span; without one, of `parent`; without that, it begins
        a trace. An error that ends the block marks the span as failed with the name of its class.
        """

    @abstractmethod
    def record(
        self,
        operation: Operation,
        parent: TraceContext,
        *,
        began: datetime,
        ended: datetime,
        error: str = "",
    ) -> None:
        """Record a span that is over, as a child of `parent`."""

    @abstractmethod
    def stop(self) -> None:
        """Send the spans that wait to be sent, within two seconds. Later spans are dropped."""
