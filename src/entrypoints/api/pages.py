"""Pages for people: the documentation of the API and of its problems. Nothing is loaded from elsewhere."""

from importlib import resources

from flask import Blueprint, Response, current_app, json, redirect, render_template_string, send_from_directory
from werkzeug.exceptions import NotFound
from werkzeug.wrappers import Response as WerkzeugResponse

from entrypoints.api.problems import PROBLEM_TYPES

CONTENT_SECURITY_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
ASSETS = {"swagger-ui.css", "swagger-ui-bundle.js", "favicon-32x32.png"}
DOCS = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Task Manager API</title>
<link rel="icon" type="image/png" href="/docs/favicon-32x32.png">
<link rel="stylesheet" href="/docs/swagger-ui.css">
</head>
<body>
<div id="docs"></div>
<noscript>This page needs JavaScript. The specification is at <a href="/openapi.json">/openapi.json</a>.</noscript>
<script src="/docs/swagger-ui-bundle.js"></script>
<script src="/docs/init.js"></script>
</body>
</html>
"""
INIT = """SwaggerUIBundle({ url: "/openapi.json", dom_id: "#docs", deepLinking: true, validatorUrl: null });
"""
PROBLEM = """<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><title>{{ code }}</title></head>
<body>
<h1>{{ problem.title }}</h1>
<p>Code <code>{{ code }}</code>, status {{ problem.status }}.</p>
<p>{{ problem.advice }}</p>
</body>
</html>
"""

blueprint = Blueprint("pages", __name__)


@blueprint.after_request
def protect(response: Response) -> Response:
    response.headers["Content-Security-Policy"] = CONTENT_SECURITY_POLICY
    response.headers["Referrer-Policy"] = "no-referrer"
    return response


@blueprint.get("/")
def index() -> WerkzeugResponse:
    return redirect("/docs")


@blueprint.get("/openapi.json")
def openapi() -> Response:
    return Response(json.dumps(current_app.extensions["specification"]), mimetype="application/json")


@blueprint.get("/docs")
def docs() -> Response:
    return Response(DOCS, mimetype="text/html")


@blueprint.get("/docs/init.js")
def init() -> Response:
    return Response(INIT, mimetype="text/javascript")


@blueprint.get("/docs/<name>")
def asset(name: str) -> Response:
    if name not in ASSETS:
        raise NotFound
    return send_from_directory(str(resources.files("flask_swagger_ui") / "dist"), name, max_age=86_400)


@blueprint.get("/problems/<code>")
def problem(code: str) -> str:
    if code not in PROBLEM_TYPES:
        raise NotFound
    return render_template_string(PROBLEM, code=code, problem=PROBLEM_TYPES[code])
