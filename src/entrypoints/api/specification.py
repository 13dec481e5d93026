"""The OpenAPI 3.1 specification: what flask-smorest derives from the code, and additions."""

import inspect
from collections.abc import Sequence
from typing import Any

from apispec.ext.marshmallow import MarshmallowPlugin
from apispec.ext.marshmallow.common import resolve_schema_cls
from apispec.ext.marshmallow.openapi import OpenAPIConverter
from flask_smorest import Api
from marshmallow import fields, validate

from domain.task_spec import LABEL_KEY, LABEL_VALUE_LENGTH, MAX_LABELS
from entrypoints.api.access.credentials import COOKIE
from entrypoints.api.access.links import LINK
from entrypoints.api.schemas.strict_schema import Variant

LABELS = {
    "in": "query",
    "name": "label",
    "description": "The task has this label, given as key:value, such as team:billing. Repeat it "
    "for several labels. label.team=billing means the same.",
    "required": False,
    "style": "form",
    "explode": True,
    "schema": {
        "type": "array",
        "items": {
            "type": "string",
            "pattern": f"^{LABEL_KEY}:[^\\u0000-\\u001f\\u007f-\\u009f]"
            f"{{0,{LABEL_VALUE_LENGTH[-1]}}}$",
        },
        "minItems": 1,
        "maxItems": MAX_LABELS,
        "uniqueItems": True,
    },
}
REQUEST_ID = {
    "description": (
        "The X-Request-ID of the request if it matches [A-Za-z0-9._-]{1,128}, otherwise a new one."
    ),
    "schema": {"type": "string"},
}
HEADERS = {
    "RateLimit-Policy": {
        "description": 'The limit of the caller, where it has one: "default";q=600;w=60 are 600 '
        "requests in 60 seconds (draft-ietf-httpapi-ratelimit-headers-11).",
        "schema": {"type": "string"},
    },
    "RateLimit": {
        "description": 'What is left of the limit: "default";r=12;t=34 are 12 requests, and '
        "further ones in 34 seconds.",
        "schema": {"type": "string"},
    },
    "Retry-After": {
        "description": "Seconds after which the request can be sent again.",
        "schema": {"type": "string"},
    },
}
"""The headers to which responses refer."""
REQUEST_ID_PARAMETER = {
    "in": "header",
    "name": "X-Request-ID",
    "description": "Identifies the request in the response and in the log. A value that does not "
    "match [A-Za-z0-9._-]{1,128} is replaced.",
    "schema": {"type": "string"},
}
PATH_PARAMETERS = {
    "task_id": {
        "description": "The task_id of a task: a UUID in lower case. "
        "Any other spelling is not found."
    },
    "queue": {"description": "The name of a queue.", "example": "default"},
    "schedule": {"description": "The name of a schedule.", "example": "nightly-report"},
    "key_id": {
        "description": "The id of a key: 12 characters of 0-9 and a-z.",
        "example": "0123456789ab",
    },
    "number": {"description": "The number of a delivery attempt.", "example": 1},
}
PYTHON_END = r"\Z"
"""The end of a text in Python's patterns; $ in those of JSON Schema."""
LIMITED = "429"
UNCOUNTED = {"401", "403", "406", "421"}
"""Responses to requests that are refused before they are counted."""
ASK_TO_REPEAT = {"429", "503"}
METHODS = ("get", "put", "post", "patch", "delete")
MERGE_PATCH = "application/merge-patch+json"
OPTIONS: dict[str, Any] = {
    "info": {
        "description": "An HTTP service that runs long tasks in the background.",
        "contact": {"name": "The operator of this service"},
        "license": {"name": "MIT", "identifier": "MIT"},
    },
    "servers": [{"url": "/", "description": "The service that serves this document."}],
    "security": [{"key": []}, {"session": []}, {}],
}
LINKED_OPERATIONS = {"getTask", "followTask", "getTaskLog", "cancelTask"}
"""The operations to which a link can lead."""
SECURITY_SCHEMES = {
    "key": {
        "type": "http",
        "scheme": "bearer",
        "description": "A key of this service, where TASKS_AUTH is keys.",
    },
    "session": {
        "type": "apiKey",
        "in": "cookie",
        "name": COOKIE,
        "description": "The session of a browser, which POST /session opens.",
    },
    "link": {
        "type": "apiKey",
        "in": "query",
        "name": LINK,
        "description": "A link to the task, which POST /tasks/{task_id}/links makes.",
    },
}


class Converter(OpenAPIConverter):
    """A converter that keeps descriptions, variants and patterns of keys."""

    def schema2jsonschema(self, schema: Any) -> dict[str, Any]:
        """Return the JSON Schema with the class's description, or the choice of its VARIANTS."""
        kind: Any = resolve_schema_cls(schema)
        description = inspect.cleandoc(kind.__doc__)
        untyped: Any = super()
        whole: dict[str, Any] = {**untyped.schema2jsonschema(schema), "description": description}
        variants: Sequence[Variant] = getattr(kind, "VARIANTS", ())
        for variant in variants:
            self.spec.components.schema(variant.name, _narrowed(whole, variant))
        if not variants:
            return whole
        references = [self.spec.components.get_ref("schema", variant.name) for variant in variants]
        return {"description": description, "oneOf": references}

    def dict2properties(self, field: Any, **options: Any) -> dict[str, Any]:
        """Return the properties of a field. Add the pattern of a map's keys."""
        members: dict[str, Any] = super().dict2properties(field, **options)
        keys = (
            field.key_field.validators if isinstance(field, fields.Dict) and field.key_field else ()
        )
        for pattern in (
            str(each.regex.pattern) for each in keys if isinstance(each, validate.Regexp)
        ):
            members["propertyNames"] = {"pattern": f"^{pattern.removesuffix(PYTHON_END)}$"}
        return members


def _narrowed(whole: dict[str, Any], variant: Variant) -> dict[str, Any]:
    """Return the schema of one form of a body."""
    members = {
        name: member for name, member in whole["properties"].items() if name not in variant.without
    }
    narrower = {name: {**members[name], **rule} for name, rule in variant.narrower.items()}
    return {
        **whole,
        "description": variant.description,
        "properties": {**members, **narrower},
        "required": sorted({*whole.get("required", ()), *variant.required}),
    }


class SpecificationPlugin(MarshmallowPlugin):
    Converter = Converter

    def __init__(self) -> None:
        super().__init__(schema_name_resolver=component_name)


def component_name(schema: Any) -> str:
    """Return the name of a schema in the specification.

    `TaskResponse` is named `TaskAnswer` there: generated clients use the names.
    """
    kind: Any = resolve_schema_cls(schema)
    name: str = kind.__name__
    if name.endswith("Response"):
        return f"{name.removesuffix('Response')}Answer"
    return name


def specification(api: Api) -> dict[str, Any]:
    """Return the whole document."""
    document: dict[str, Any] = api.spec.to_dict()
    document["components"]["schemas"].pop(
        "PaginationMetadataSchema", None
    )  # flask-smorest's own, which nothing uses
    document["components"]["securitySchemes"] = SECURITY_SCHEMES
    document["components"]["headers"] = HEADERS
    document["components"]["parameters"] = {"X-Request-ID": REQUEST_ID_PARAMETER}
    for item in document["paths"].values():
        for parameter in item.get("parameters", []):
            parameter.update(PATH_PARAMETERS[parameter["name"]])
        for method in METHODS:
            if method in item:
                _complete(method, item[method])
    return document


def _complete(method: str, operation: dict[str, Any]) -> None:
    parameters = operation.get("parameters", [])
    operation["parameters"] = [
        *(LABELS if parameter.get("name") == "labels" else parameter for parameter in parameters),
        {"$ref": "#/components/parameters/X-Request-ID"},
    ]
    if operation.get("operationId") in LINKED_OPERATIONS:
        operation["security"] = [*OPTIONS["security"], {"link": []}]
    is_counted = LIMITED in operation["responses"]
    for status, response in operation["responses"].items():
        if "$ref" not in response:
            headers = response.setdefault("headers", {})
            headers["X-Request-ID"] = REQUEST_ID
            for name in _header_names(status, is_counted=is_counted):
                headers[name] = {"$ref": f"#/components/headers/{name}"}
    if method == "patch":
        content = operation["requestBody"]["content"]
        content[MERGE_PATCH] = content["application/json"]


def _header_names(status: str, *, is_counted: bool) -> Sequence[str]:
    """Return the names of HEADERS that a response of this status can have."""
    limits = ["RateLimit-Policy", "RateLimit"] * (is_counted and status not in UNCOUNTED)
    return [*limits, *["Retry-After"] * (status in ASK_TO_REPEAT)]
