"""/keys: make, list, rotate and revoke keys."""

from datetime import timedelta
from typing import Any

from flask import Response
from flask.views import MethodView

from application.use_cases.access.manage_keys import IssuedKey
from domain.access import AccessKey
from entrypoints.api.access.gate import require_told_apart
from entrypoints.api.resources.blueprints import access as blueprint
from entrypoints.api.resources.json_response import json_response, list_response
from entrypoints.api.resources.turns import long_read
from entrypoints.api.schemas.access import (
    IssuedKeyResponse,
    KeyBody,
    KeyListResponse,
    ListedKeyResponse,
    RotationBody,
)
from entrypoints.api.use_cases import use_cases

BODY_PROBLEMS = (
    "malformed_request",
    "request_timeout",
    "body_too_large",
    "unsupported_media_type",
    "keys_not_used",
)
A_KEY = {"name": "billing", "role": "submitter", "queues": ["reports"]}
NO_STORE = {"Cache-Control": "no-store"}


@blueprint.route("/keys")
class Keys(MethodView):
    @blueprint.doc(operationId="listKeys")
    @blueprint.problems("keys_not_used", "overloaded")
    @blueprint.response(200, KeyListResponse)
    @blueprint.no_query
    @long_read
    def get(self) -> Response:
        """List the keys, without their secrets.

        Expired keys are listed until they are revoked.
        """
        require_told_apart()
        listed = (
            {**_members(each.key), "last_used_at": each.last_used_at}
            for each in use_cases().manage_keys().all()
        )
        return list_response("keys", ListedKeyResponse(), listed)

    @blueprint.doc(operationId="createKey")
    @blueprint.problems(*BODY_PROBLEMS, "too_many_keys")
    @blueprint.response(201, IssuedKeyResponse)
    @blueprint.no_query
    @blueprint.arguments(KeyBody(), example=A_KEY)
    def post(self, members: dict[str, Any]) -> Response:
        """Make a key.

        The response has its token, which cannot be read again: only a hash of it is stored.
        """
        require_told_apart()
        return _issued(use_cases().manage_keys().create(**members), 201)


@blueprint.route("/keys/<key_id>")
class OneKey(MethodView):
    @blueprint.doc(operationId="revokeKey")
    @blueprint.problems("key_not_found", "keys_not_used")
    @blueprint.response(204)
    @blueprint.no_query
    def delete(self, key_id: str) -> Response:
        """Revoke a key.

        Its requests are refused and its streams end within five seconds.
        """
        require_told_apart()
        use_cases().manage_keys().revoke(key_id)
        use_cases().authenticate().forget(key_id)
        return Response(status=204)


@blueprint.route("/keys/<key_id>/rotate")
class Rotate(MethodView):
    @blueprint.doc(operationId="rotateKey")
    @blueprint.problems(*BODY_PROBLEMS, "key_not_found")
    @blueprint.response(200, IssuedKeyResponse)
    @blueprint.no_query
    @blueprint.arguments(RotationBody(), example={"keep_seconds": 3600})
    def post(self, keep: timedelta, key_id: str) -> Response:
        """Give a key a new secret.

        The old one opens it for keep_seconds longer, so that its users can be told meanwhile.
        """
        require_told_apart()
        issued = use_cases().manage_keys().rotate(key_id, old_secret_for=keep)
        use_cases().authenticate().forget(key_id)
        return _issued(issued, 200)


def _issued(issued: IssuedKey, status: int) -> Response:
    members = {**_members(issued.key), "token": str(issued.token)}
    return json_response(IssuedKeyResponse().dump(members), status, NO_STORE)


def _members(key: AccessKey) -> dict[str, Any]:
    return {**vars(key), "role": key.role.value, "queues": list(key.queues)}
