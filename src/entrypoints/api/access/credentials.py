"""Read the credentials that a request shows to be let in."""

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


class Credentials(NamedTuple):
    """The token of a key, or the secret of a browser's session."""

    text: str
    is_session: bool

    def caller(self, authenticate: Authenticate) -> Caller:
        """Return whose they are. Raises InvalidCredentials, StoreUnavailable."""
        if self.is_session:
            return authenticate.by_session(self.text)
        return authenticate.by_token(self.text)

    def token(self) -> Token:
        """Return the token. Raises NotAuthenticated for a session."""
        token = None if self.is_session else Token.parse(self.text)
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
        return Credentials(given[len(SCHEME) :].strip(), is_session=False)
    session = request.cookies.get(COOKIE)
    if session is None:
        raise NotAuthenticated(
            "This service asks for a key. Send it in the header Authorization: Bearer tm_…"
        )
    if request.method not in SAFE_METHODS:
        _require_own_page()
    return Credentials(session, is_session=True)


def _require_own_page() -> None:
    """Raise CrossSiteRequest unless a page of this service sends the request.

    Foreign origins were refused before. Here a browser must have named its own.
    """
    origin = request.headers.get("Origin")
    if origin is None and request.headers.get("Sec-Fetch-Site") != "same-origin":
        raise CrossSiteRequest(origin)
