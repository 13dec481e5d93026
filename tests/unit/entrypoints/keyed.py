"""Make keys, and requests that show them."""

from typing import Any

from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from domain.access import Role
from entrypoints.container import Container


def token_for(container: Container, role: Role, **bounds: Any) -> str:
    """Return the token of a new key."""
    issued = container.manage_keys().create(name=f"a {role}", role=role, **bounds)
    return str(issued.token)


def ask(client: FlaskClient, token: str, method: str, path: str, **options: Any) -> TestResponse:
    headers = {"Authorization": f"Bearer {token}", **options.pop("headers", {})}
    return client.open(path, method=method, headers=headers, **options)
