"""The operations about keys and links: each function returns the call of the same name."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from task_manager_client import key_models
from task_manager_client.calls import Call, nothing, path, reads, time_text, to_json

JSON = {"Content-Type": "application/json"}


def get_session() -> Call[key_models.Session]:
    """Return what the caller may do."""
    return Call("GET", "/session", reads(key_models.Session))


def list_keys() -> Call[key_models.Keys]:
    """Return all keys."""
    return Call("GET", "/keys", reads(key_models.Keys))


def create_key(
    name: str,
    role: key_models.RoleName,
    *,
    queues: Sequence[str] | None = None,
    labels: Mapping[str, str] | None = None,
    expires_at: datetime | None = None,
    rate_limit: str | None = None,
) -> Call[key_models.IssuedKey]:
    """Make a key. It is bound to the given queues and labels."""
    members: dict[str, Any] = {
        "name": name,
        "role": role,
        "queues": list(queues) if queues else None,
        "labels": dict(labels) if labels else None,
        "expires_at": time_text(expires_at) if expires_at else None,
        "rate_limit": rate_limit,
    }
    body = {name: value for name, value in members.items() if value is not None}
    issued = reads(key_models.IssuedKey)
    return Call("POST", "/keys", issued, headers=JSON, body=to_json(body), repeatable=False)


def revoke_key(key_id: str) -> Call[None]:
    """Revoke a key."""
    return Call("DELETE", path("keys", key_id), nothing, repeatable=False)


def rotate_key(key_id: str, *, keep_seconds: int = 0) -> Call[key_models.IssuedKey]:
    """Give a key a new secret. The old one opens it for `keep_seconds` longer."""
    target, body = path("keys", key_id, "rotate"), to_json({"keep_seconds": keep_seconds})
    issued = reads(key_models.IssuedKey)
    return Call("POST", target, issued, headers=JSON, body=body, repeatable=False)


def create_link(
    task_id: str, *, expires_in: int | None = None, actions: Sequence[str] | None = None
) -> Call[key_models.Link]:
    """Make a link to the task, for `expires_in` seconds."""
    members = {"expires_in": expires_in, "actions": list(actions) if actions else None}
    body = to_json({name: value for name, value in members.items() if value is not None})
    target = path("tasks", task_id, "links")
    return Call("POST", target, reads(key_models.Link), headers=JSON, body=body, repeatable=True)
