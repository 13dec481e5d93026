"""Blueprints that refuse unknown parameters and members, and document the problems of each view."""

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from copy import deepcopy
from functools import wraps
from typing import Any, NoReturn

from flask import Request, current_app
from flask_smorest import Blueprint
from marshmallow import Schema, ValidationError

from entrypoints.api.problems.catalogue import PROBLEM_TYPES
from entrypoints.api.problems.responses import PROBLEM_JSON
from entrypoints.api.problems.schema import Problem
from entrypoints.api.reading.arguments import ArgumentReader, StrictParser, json_body

ALWAYS = (
    "not_acceptable",
    "host_not_allowed",
    "uri_too_long",
    "headers_too_large",
    "invalid_request",
    "internal_error",
)
"""Problems of every view."""
STORE = ("store_unavailable",)
"""Problems of every view that uses the store."""
KEYS = ("unauthorized", "forbidden", "rate_limited")
"""Problems of every view that asks for a key."""
WRITES = ("cross_site_request",)
"""Problems of every view that writes."""

View = Callable[..., Any]


class NoQuery(Schema):
    """The query of a view without parameters: every parameter is unknown."""


class Parser(StrictParser):
    """A parser that reads the query first, and lists the problems of the body beside its own."""

    def handle_error(
        self, error: ValidationError, req: Request, schema: Schema, **options: Any
    ) -> NoReturn:
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

    def alt_response(self, *arguments: Any, **options: Any) -> Callable[[View], View]:
        """Document a response of a view.

        flask-smorest wraps the view in a function for each response, and each request would pass
        through about twelve of them. It also copies what is documented so far each time, which
        took a third of the seconds of an import.
        """
        wrap = super().alt_response(*arguments, **options)

        def document(view: View) -> View:
            documentation = vars(view).setdefault("_apidoc", {})
            known = documentation.setdefault("response", {}).setdefault("responses", {})
            for status, responses in wrap(lambda: None)._apidoc["response"]["responses"].items():
                known.setdefault(status, []).extend(responses)
            return view

        return document

    def problems(
        self, *codes: str, asks_store: bool = True, needs_key: bool = True
    ) -> Callable[[View], View]:
        """Document these problems and those of every view. Goes above the other decorators.

        Only the probes, which do not ask the store or need no key, differ: `needs_key` is False.
        """
        common = ALWAYS + (STORE if asks_store else ()) + (KEYS if needs_key else ())

        def document(view: View) -> View:
            codes_by_status = defaultdict(list)
            for code in (*codes, *common, *(() if view.__name__ == "get" else WRITES)):
                codes_by_status[PROBLEM_TYPES[code].status].append(code)
            for status, same_status in codes_by_status.items():
                titles = (f"`{code}`: {PROBLEM_TYPES[code].title}" for code in same_status)
                document_response = self.alt_response(
                    status,
                    schema=Problem,
                    content_type=PROBLEM_JSON,
                    description="; ".join(titles),
                )
                view = document_response(view)
            return view

        return document

    def reads_headers(self, *parameters: Mapping[str, Any]) -> Callable[[View], View]:
        """Document the headers that a view reads.

        `doc(parameters=…)` would drop the parameters of `arguments`.
        """

        def document(view: View) -> View:
            documented: Any = view
            documented._apidoc = deepcopy(getattr(view, "_apidoc", {}))
            arguments = documented._apidoc.setdefault("arguments", {})
            arguments.setdefault("parameters", []).extend(map(dict, parameters))
            return view

        return document

    def arguments(
        self, schema: Schema, *, location: str = "json", **options: Any
    ) -> Callable[[View], View]:
        """Document the parameters or body of a view, and pass what they hold to it.

        flask-smorest and webargs wrap the view in three functions for that.
        """
        document = super().arguments(schema, location=location, **options)
        reader = ArgumentReader(self.ARGUMENTS_PARSER, schema, location)

        def decorate(view: View) -> View:
            @wraps(view)
            def with_arguments(*arguments: Any, **segments: Any) -> Any:
                return view(*arguments, reader.read(), **segments)

            return _documented(with_arguments, document(view))

        return decorate

    def no_query(self, view: View) -> View:
        """Refuse every query parameter."""
        document = super().arguments(NoQuery(), location="query")
        reader = ArgumentReader(self.ARGUMENTS_PARSER, NoQuery(), "query")

        @wraps(view)
        def without_query(*arguments: Any, **segments: Any) -> Any:
            reader.read()
            return view(*arguments, **segments)

        return _documented(without_query, document(view))


def _documented(view: View, other: Any) -> View:
    """Return the view with the documentation of another."""
    documented: Any = view
    documented._apidoc = other._apidoc
    return view
