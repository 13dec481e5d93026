"""Make no spans, and pass the traces of callers on."""

from contextlib import AbstractContextManager
from datetime import datetime

from application.ports.tracer import Attributes, Operation, Span, Tracer
from domain.trace_context import TraceContext


class Untraced(Tracer):
    """The tracer of a service whose operator asks for no traces."""

    is_on = False

    def start(self) -> None:
        """Do nothing."""

    def span(
        self,
        operation: Operation,
        parent: TraceContext | None,
        *,
        link: TraceContext | None = None,
    ) -> AbstractContextManager[Span]:
        return _NoSpan(parent)

    def record(
        self,
        operation: Operation,
        parent: TraceContext,
        *,
        began: datetime,
        ended: datetime,
        error: str = "",
    ) -> None:
        """Do nothing."""

    def stop(self) -> None:
        """Do nothing."""


class _NoSpan(Span, AbstractContextManager[Span]):
    def __init__(self, parent: TraceContext | None) -> None:
        self._parent = parent

    @property
    def context(self) -> TraceContext | None:
        return self._parent

    def note(self, attributes: Attributes, *, name: str = "", error: str = "") -> None:
        """Do nothing."""

    def __exit__(self, *_: object) -> None:
        """Do nothing."""
