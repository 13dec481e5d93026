"""Who makes the present changes."""

from abc import ABC, abstractmethod

from domain.actor import MAINTENANCE, Actor


class Actors(ABC):
    @abstractmethod
    def current(self) -> Actor:
        """Return who makes changes now: the caller of the present request, or this process."""

    @abstractmethod
    def act_as(self, actor: Actor) -> None:
        """Make changes for this one in the present thread or greenlet, until another one comes."""


class OneActor(Actors):
    """Stands where a process makes all changes by itself."""

    def __init__(self, actor: Actor) -> None:
        self._actor = actor

    def current(self) -> Actor:
        return self._actor

    def act_as(self, actor: Actor) -> None:
        raise TypeError("this process makes changes for nobody else")


THE_SERVICE = OneActor(MAINTENANCE)
