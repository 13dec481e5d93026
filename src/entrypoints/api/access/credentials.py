"""Read the credentials that a request shows to be let in."""

from enum import Enum, auto
from typing import NamedTuple

from flask import request

from application.access import Caller
from application.use_cases.access.authenticate import Authenticate
from domain.access import Token
from entrypoints.api.origins import SAFE_METHODS, CrossSiteRequest

COOKIE = "tm_session"
SCHEME = "bearer "


class NotAuthenticated(Exception):
    """The request shows no key, or a wrong one."""


class Kind(Enum):
    TOKEN = auto()
    """The token of a key."""
    SESSION = auto()
    """The secret of a browser's session."""
    LINK = auto()
    """The token of a link to one task."""


class Credentials(NamedTuple):
    text: str
    kind: Kind
    task_id: str = ""
    """The task whose link it must be."""

    def caller(self, authenticate: Authenticate) -> Caller:
        """Return whose they are. Raises InvalidCredentials, StoreUnavailable."""
        if self.kind is Kind.LINK:
            return authenticate.by_link(self.text, self.task_id)
        if self.kind is Kind.SESSION:
            return authenticate.by_session(self.text)
        return authenticate.by_token(self.text)

    def key_sha256(self, authenticate: Authenticate) -> bytes:
        """Return the hash of the key's secret that opened the session, or is shown itself.

        Raises InvalidCredentials, StoreUnavailable.
        """
        if self.kind is Kind.SESSION:
            return authenticate.session(self.text).key_sha256
        return self.token().sha256

    def token(self) -> Token:
        """Return the token. Raises NotAuthenticated for a session."""
        token = Token.parse(self.text) if self.kind is Kind.TOKEN else None
        if token is None:
            raise NotAuthenticated(
                "A session cannot open another one, which would never end. Sign in with the key: "
                "Authorization: Bearer tm_…"
            )
        return token


def shown_credentials() -> Credentials:
    """Return what the current request shows. Raises NotAuthenticated, CrossSiteRequest.

    A cookie counts only where the request has no Authorization header.
    """
    given = request.environ.get("HTTP_AUTHORIZATION")
    if given is not None:
        if given[: len(SCHEME)].lower() != SCHEME:
            raise NotAuthenticated(
                "The Authorization header must be Bearer and a key: Authorization: Bearer tm_…"
            )
        return Credentials(given[len(SCHEME) :].strip(), Kind.TOKEN)
    session = request.cookies.get(COOKIE)
    if session is None:
        raise NotAuthenticated(
            "This service asks for a key. Send it in the header Authorization: Bearer tm_…"
        )
    if request.method not in SAFE_METHODS:
        _require_own_page()
    return Credentials(session, Kind.SESSION)


def _require_own_page() -> None:
    """Raise CrossSiteRequest unless a page of this service sends the request.

    Foreign origins were refused before. Here a browser must have named its own.
    """
    origin = request.headers.get("Origin")
    if origin is None and request.headers.get("Sec-Fetch-Site") != "same-origin":
        raise CrossSiteRequest(origin)
