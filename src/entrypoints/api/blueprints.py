"""Blueprints whose endpoints read strictly and say in the specification which problems they answer."""

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from copy import deepcopy
from typing import Any, NoReturn

from flask import Request, current_app
from flask_smorest import Blueprint
from marshmallow import Schema, ValidationError

from entrypoints.api.arguments import StrictParser, json_body
from entrypoints.api.problems import PROBLEM_JSON, PROBLEM_TYPES, Problem
from entrypoints.container import Container

ALWAYS = (
    "not_acceptable",
    "host_not_allowed",
    "uri_too_long",
    "headers_too_large",
    "invalid_request",
    "internal_error",
)
STORE = ("store_unavailable",)
WRITES = ("cross_site_request",)

View = Callable[..., Any]


class NoQuery(Schema):
    """For endpoints without parameters: any is unknown."""


class Parser(StrictParser):
    """Says what is wrong with the body together with what is wrong with the query, which is read first."""

    def handle_error(self, error: ValidationError, req: Request, schema: Schema, **options: Any) -> NoReturn:
        messages: Any = error.messages
        if "query" in messages:
            for body in _body_schemas(req):
                messages["json"] = body.every_error(json_body(req))
        super().handle_error(error, req, schema, **options)


def _body_schemas(req: Request) -> Iterator[Any]:
    """Yield the schema of the body that the view of a request reads, if any."""
    view: Any = current_app.view_functions[str(req.endpoint)]
    documented = getattr(getattr(view.view_class, req.method.lower(), None), "_apidoc", {})
    for parameter in documented.get("arguments", {}).get("parameters", ()):
        if parameter["in"] == "json":
            yield parameter["schema"]


class StrictBlueprint(Blueprint):  # type: ignore[misc]  # flask-smorest has no types
    ARGUMENTS_PARSER = Parser()

    def problems(self, *codes: str, asks_store: bool = True) -> Callable[[View], View]:
        """Document these, beside those that every endpoint may answer. Goes above the other decorators."""
        common = ALWAYS + (STORE if asks_store else ())

        def document(view: View) -> View:
            by_status = defaultdict(list)
            for code in (*codes, *common, *(() if view.__name__ == "get" else WRITES)):
                by_status[PROBLEM_TYPES[code].status].append(code)
            for status, those in by_status.items():
                description = "; ".join(f"`{code}`: {PROBLEM_TYPES[code].title}" for code in those)
                view = self.alt_response(status, schema=Problem, content_type=PROBLEM_JSON, description=description)(
                    view
                )
            return view

        return document

    def reads_headers(self, *parameters: Mapping[str, Any]) -> Callable[[View], View]:
        """Document the headers that a view reads. `doc(parameters=…)` would drop those of `arguments`."""

        def document(view: View) -> View:
            documented: Any = view
            documented._apidoc = deepcopy(getattr(view, "_apidoc", {}))
            arguments = documented._apidoc.setdefault("arguments", {})
            arguments.setdefault("parameters", []).extend(map(dict, parameters))
            return view

        return document

    def no_query(self, view: View) -> View:
        """Refuse every parameter."""
        return self.arguments(NoQuery(), location="query", as_kwargs=True)(view)  # type: ignore[no-any-return]  # untyped


def use_cases() -> Container:
    container: Container = current_app.extensions["container"]
    return container
