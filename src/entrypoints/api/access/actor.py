"""Note who sends a request that may change tasks."""

from flask import Flask, g, request

from domain.actor import Actor, ActorKind
from entrypoints.api.access.credentials import Kind
from entrypoints.api.origins import SAFE_METHODS
from entrypoints.api.reading.client import client_address
from entrypoints.container import Container

KINDS = {
    Kind.TOKEN: ActorKind.KEY,
    Kind.SESSION: ActorKind.SESSION,
    Kind.LINK: ActorKind.LINK,
}


def note_actors(app: Flask) -> None:
    """Let the changes of each request be those of its caller. Call after `require_keys`."""
    told_apart = "open_streams" in app.extensions

    def note() -> None:
        if request.method not in SAFE_METHODS:
            container: Container = app.extensions["container"]
            container.actors().act_as(_actor(container, told_apart=told_apart))

    app.before_request(note)


def _actor(container: Container, *, told_apart: bool) -> Actor:
    if not told_apart or "credentials" not in g:
        return Actor(kind=ActorKind.ANONYMOUS, address=client_address())
    caller = container.callers().current()
    kind = KINDS[g.credentials.kind]
    return Actor(kind=kind, key_id=caller.key_id, name=caller.name, address=client_address())
