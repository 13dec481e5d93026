"""/session: who the caller is, and sessions of browsers."""

from flask import Response, g, request
from flask.views import MethodView

from application.access import Caller
from application.use_cases.access.sessions import SESSION
from entrypoints.api.access.credentials import COOKIE
from entrypoints.api.access.gate import keys_are_required, require_told_apart
from entrypoints.api.reading.client import is_https
from entrypoints.api.resources.blueprints import access as blueprint
from entrypoints.api.resources.json_response import json_response
from entrypoints.api.schemas.access import SessionResponse
from entrypoints.api.use_cases import use_cases


@blueprint.route("/session")
class Session(MethodView):
    @blueprint.doc(operationId="getSession")
    @blueprint.problems()
    @blueprint.response(200, SessionResponse)
    @blueprint.no_query
    def get(self) -> Response:
        """See who you are, and what you may do.

        Without keys everyone is an admin.
        """
        return _session(use_cases().callers().current())

    @blueprint.doc(operationId="openSession")
    @blueprint.problems("keys_not_used")
    @blueprint.response(
        201,
        SessionResponse,
        headers={
            "Set-Cookie": {
                "description": "The session, for twelve hours. Scripts cannot read it.",
                "schema": {"type": "string"},
            }
        },
    )
    @blueprint.no_query
    def post(self) -> Response:
        """Sign a browser in with the key of this request.

        The cookie of the response stands for the key for twelve hours, if the secret that was shown
        opens it for so long. Other clients need no session.
        """
        require_told_apart()
        secret = use_cases().sessions().open(g.credentials.token())
        response = _session(use_cases().callers().current(), 201)
        response.set_cookie(
            COOKIE,
            secret,
            max_age=SESSION,
            secure=is_https(),
            httponly=True,
            samesite="Strict",
        )
        return response

    @blueprint.doc(operationId="endSession")
    @blueprint.problems("keys_not_used")
    @blueprint.response(204)
    @blueprint.no_query
    def delete(self) -> Response:
        """Sign a browser out.

        The session of the cookie ends, if there is one. The key stays valid.
        """
        require_told_apart()
        if secret := request.cookies.get(COOKIE):
            use_cases().sessions().end(secret)
        response = Response(status=204)
        response.delete_cookie(COOKIE, secure=is_https(), httponly=True, samesite="Strict")
        return response


def _session(caller: Caller, status: int = 200) -> Response:
    members = {
        "needs_key": keys_are_required(),
        "key_id": caller.key_id or None,
        "name": caller.name or None,
        "role": caller.role.value,
        "permissions": sorted(caller.permissions),
        "queues": sorted(caller.scope.queues),
        "labels": dict(caller.scope.labels),
    }
    return json_response(SessionResponse().dump(members), status, {"Cache-Control": "no-store"})
