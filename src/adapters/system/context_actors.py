"""Hold who makes changes where the functions that store them find it."""

from contextvars import ContextVar

from application.ports.actors import Actors
from domain.actor import Actor

_actor: ContextVar[Actor] = ContextVar("actor")


class ContextActors(Actors):
    """Each thread or greenlet has its own actor. Without one, the process acts by itself."""

    def __init__(self, process: Actor) -> None:
        self._process = process

    def current(self) -> Actor:
        return _actor.get(self._process)

    def act_as(self, actor: Actor) -> None:
        _actor.set(actor)
