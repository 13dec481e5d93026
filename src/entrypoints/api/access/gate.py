"""Let each request in as the caller whose key it shows, if that one may do what it asks for."""

from collections.abc import Callable

from flask import Flask, current_app, g, request

from application.access import Caller
from application.errors import TaskNotFound
from application.use_cases.access.authenticate import InvalidCredentials
from application.use_cases.tasks.following import Following
from domain.access import PERMISSIONS, Permission
from entrypoints.api.access.credentials import (
    Credentials,
    Kind,
    NotAuthenticated,
    shown_credentials,
)
from entrypoints.api.access.links import shown_link
from entrypoints.api.access.needed import NEEDED
from entrypoints.api.access.open_streams import OpenStreams
from entrypoints.api.access.wrong_keys import WrongKeys
from entrypoints.api.reading.client import client_address
from entrypoints.api.use_cases import use_cases
from entrypoints.container import Container


class NotPermitted(Exception):
    """The key of the request may not do this."""

    def __init__(self, caller: Caller, needed: Permission) -> None:
        if needed in PERMISSIONS[caller.role]:
            message = (
                "This key is bound to queues or labels, and this operation shows or changes what "
                "concerns the tasks of others as well. Use a key that is not bound."
            )
        else:
            roles = [role for role, granted in PERMISSIONS.items() if needed in granted]
            message = (
                f"This key has the role {caller.role}. This operation needs a key with the role "
                f"{' or '.join(roles)}."
            )
        super().__init__(message)


class KeysNotUsed(Exception):
    """The service asks nobody for a key."""

    def __init__(self) -> None:
        super().__init__(
            "This service asks nobody for a key (TASKS_AUTH=none), so keys and sessions cannot be "
            "used. The operator can make the first key on the host, with `task-manager keys "
            "create`, and set TASKS_AUTH=keys."
        )


def require_keys(app: Flask, container: Container) -> None:
    """Ask for a key in every request, except those for probes, pages and what does not exist."""
    app.extensions["wrong_keys"] = WrongKeys()
    app.extensions["open_streams"] = OpenStreams(container.authenticate())
    app.before_request(_let_in)


def require(needed: Permission) -> None:
    """Raise NotPermitted if the caller of this request lacks the permission."""
    caller = use_cases().callers().current()
    if needed not in caller.permissions:
        raise NotPermitted(caller, needed)


def authenticate_again() -> None:
    """Raise NotAuthenticated if the key was revoked while the request waited.

    Raises TaskNotFound if it was a link that has ended.
    """
    if "credentials" in g:
        _caller_of(g.credentials)


def end_with_key(following: Following) -> Callable[[], object]:
    """End a stream of this request when its key is no longer valid.

    Returns the function to call when the stream has ended.
    """
    if "credentials" not in g:
        return lambda: None
    open_streams: OpenStreams = current_app.extensions["open_streams"]
    return open_streams.add(g.credentials, following)


def keys_are_required() -> bool:
    return "open_streams" in current_app.extensions


def require_told_apart() -> None:
    """Raise KeysNotUsed where the service asks nobody for a key: anyone could make one."""
    if not keys_are_required():
        raise KeysNotUsed


def _let_in() -> None:
    methods = NEEDED.get(request.endpoint or "")
    if methods is None or request.method == "OPTIONS":
        return
    needed = methods["GET" if request.method == "HEAD" else request.method]
    g.credentials = shown_link() or shown_credentials()
    caller = _caller_of(g.credentials)
    use_cases().callers().become(caller)
    g.key_id = caller.key_id
    if caller.by_link and needed not in caller.permissions:
        raise TaskNotFound(g.credentials.task_id)
    if needed is not None:
        require(needed)


def _caller_of(credentials: Credentials) -> Caller:
    try:
        return credentials.caller(use_cases().authenticate())
    except InvalidCredentials as error:
        if credentials.kind is Kind.LINK:
            raise TaskNotFound(credentials.task_id) from error
        wrong_keys: WrongKeys = current_app.extensions["wrong_keys"]
        wrong_keys.slow_down(client_address(), use_cases().clock())
        if credentials.kind is Kind.SESSION:
            raise NotAuthenticated("The session is over. Sign in again.") from error
        raise NotAuthenticated(f"{error} Ask whoever issued it for another one.") from error
