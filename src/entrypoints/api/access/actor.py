"""Note who sends a request that may change tasks."""

from flask import g, request

from domain.actor import Actor, ActorKind
from entrypoints.api.origins import SAFE_METHODS
from entrypoints.api.reading.client import client_address
from entrypoints.api.use_cases import use_cases


def note_actor() -> None:
    """Let the changes of this request be those of its caller. Call after the caller is let in."""
    if request.method not in SAFE_METHODS:
        use_cases().actors().act_as(_actor())


def _actor() -> Actor:
    if "credentials" not in g:
        return Actor(kind=ActorKind.ANONYMOUS, address=client_address())
    caller = use_cases().callers().current()
    kind = ActorKind.SESSION if g.credentials.is_session else ActorKind.KEY
    return Actor(kind=kind, key_id=caller.key_id, name=caller.name, address=client_address())
