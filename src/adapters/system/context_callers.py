"""Hold the caller of each request where the functions that serve it find it."""

from contextvars import ContextVar

from application.access import Caller
from application.ports.callers import Callers

_caller: ContextVar[Caller] = ContextVar("caller")


class ContextCallers(Callers):
    """Each thread or greenlet has its own caller. Without one, `current` raises LookupError."""

    def current(self) -> Caller:
        return _caller.get()

    def become(self, caller: Caller) -> None:
        _caller.set(caller)
