"""The caller for whom the present work is done."""

from abc import ABC, abstractmethod

from application.access import ANYONE, Caller


class Callers(ABC):
    @abstractmethod
    def current(self) -> Caller:
        """Return the caller of the present request.

        Raises LookupError where there is none, so that a mistake never gives access.
        """

    @abstractmethod
    def become(self, caller: Caller) -> None:
        """Serve this caller in the present thread or greenlet, until another one comes."""


class Anyone(Callers):
    """Stands where callers are not told apart: without keys, in workers and in maintenance."""

    def current(self) -> Caller:
        return ANYONE

    def become(self, caller: Caller) -> None:
        raise TypeError("callers are not told apart")
