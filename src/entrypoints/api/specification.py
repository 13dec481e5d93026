"""The OpenAPI 3.1 specification: what flask-smorest reads from the code, and what it cannot see there."""

from typing import Any

from flask_smorest import Api

from domain.task_spec import LABEL_KEY, MAX_LABELS

LABELS = {
    "in": "query",
    "name": "label",
    "description": "label.<key>=<value>: the task has this label. May be given for several keys.",
    "required": False,
    "style": "form",
    "explode": True,
    "schema": {
        "type": "object",
        "propertyNames": {"pattern": f"^label\\.{LABEL_KEY}$"},
        "additionalProperties": {"type": "string", "maxLength": 255},
        "maxProperties": MAX_LABELS,
    },
    "example": {"label.team": "billing"},
}
REQUEST_ID = {
    "description": "The X-Request-ID of the request when it matches [A-Za-z0-9._-]{1,128}, else a new one.",
    "schema": {"type": "string"},
}
METHODS = ("get", "put", "post", "patch", "delete")
TASK_ID = {"type": "string", "format": "uuid"}
MERGE_PATCH = "application/merge-patch+json"


def specification(api: Api) -> dict[str, Any]:
    """The whole document."""
    document: dict[str, Any] = api.spec.to_dict()
    for path, item in document["paths"].items():
        for method in METHODS:
            if method in item:
                _complete(path, method, item[method])
    return document


def _complete(path: str, method: str, operation: dict[str, Any]) -> None:
    operation["operationId"] = "_".join([method, *(part.strip("{}") for part in path.split("/") if part)])
    operation["parameters"] = [
        LABELS if parameter.get("name") == "labels" else parameter for parameter in operation.get("parameters", [])
    ]
    for response in operation["responses"].values():
        if "$ref" not in response:
            response.setdefault("headers", {})["X-Request-ID"] = REQUEST_ID
    if method == "patch":
        content = operation["requestBody"]["content"]
        content[MERGE_PATCH] = content["application/json"]
