"""Pages for people: the documentation of the API and of its problems.

The pages load nothing from other sites.
"""

from functools import cache
from hashlib import sha256
from importlib import resources

from flask import Blueprint, Response, current_app, json, render_template_string, request
from werkzeug.exceptions import NotFound

from entrypoints.api.compression import restore_tags
from entrypoints.api.problems.catalogue import PROBLEM_TYPES
from entrypoints.api.resources.page_policy import RELOAD, RELOAD_SOURCE, protect

CONTENT_SECURITY_POLICY = (
    f"default-src 'none'; script-src 'self' {RELOAD_SOURCE}; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'"
)
SPECIFICATION_TEXT = "specification_text"
ASSETS = {
    "swagger-ui.css": "text/css",
    "swagger-ui-bundle.js": "text/javascript",
    "favicon-32x32.png": "image/png",
}
"""The media types of the files of Swagger UI."""
DOCS = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Task Manager API</title>
<script>RELOAD</script>
<link rel="icon" type="image/png" href="/docs/favicon-32x32.png">
<link rel="stylesheet" href="/docs/swagger-ui.css">
</head>
<body>
<div id="docs"></div>
<noscript>
This page needs JavaScript. The specification is at <a href="/openapi.json">/openapi.json</a>.
</noscript>
<script src="/docs/swagger-ui-bundle.js"></script>
<script src="/docs/init.js"></script>
</body>
</html>
""".replace("RELOAD", RELOAD)
INIT = """// Fill ids of stored tasks into the page, so that each operation can be tried at once.
const FITTING = {
  cancelTask: "SCHEDULED,QUEUED,PROCESSING",
  replaceTask: "SCHEDULED,QUEUED",
  retryTask: "FAILED,CANCELLED,EXPIRED",
  deleteTask: "SCHEDULED,QUEUED,COMPLETED,FAILED,CANCELLED,EXPIRED",
};
const STREAM_SECONDS = 1;
const filled = {};
let isWrite = false;

async function newest(status) {
  const filter = status && { status };
  const query = new URLSearchParams({ sort: "-submitted_at", page_size: 1, ...filter });
  const response = await fetch(`/tasks?${query}`);
  return response.ok ? (await response.json()).tasks[0]?.task_id : undefined;
}

// Keep the values that the user typed in.
async function fill() {
  const { specActions, specSelectors } = ui.getSystem();
  const latest = await newest();
  for (const [path, item] of Object.entries(specSelectors.specJson().toJS().paths)) {
    if (!path.includes("{task_id}")) continue;
    for (const [method, { operationId }] of Object.entries(item)) {
      if (operationId === undefined) continue;
      const fitting = FITTING[operationId] && await newest(FITTING[operationId]);
      const value = fitting ?? latest, key = `${method} ${path}`;
      if (filled[key] === value) continue;
      filled[key] = value;
      specActions.changeParam([path, method], "task_id", "path", value);
    }
  }
}

// A stream does not end, so the page shows the events of the first second.
async function fetchBriefly(url, options) {
  const response = await fetch(url, options);
  const reader = response.body?.getReader(), decoder = new TextDecoder();
  const timer = setTimeout(() => reader?.cancel(), STREAM_SECONDS * 1000);
  let text = "";
  for (let part = await reader?.read(); part && !part.done; part = await reader.read()) {
    text += decoder.decode(part.value, { stream: true });
  }
  clearTimeout(timer);
  return new Response(text || null, response);
}

const ui = globalThis.SwaggerUIBundle?.({
  url: "/openapi.json",
  dom_id: "#docs",
  deepLinking: true,
  validatorUrl: null,
  onComplete: fill,
  requestInterceptor: request => {
    const { pathname } = new URL(request.url, location);
    if (pathname.endsWith("/events")) request.userFetch = fetchBriefly;
    isWrite = request.method !== undefined && request.method !== "GET";
    return request;
  },
  responseInterceptor: response => {
    if (isWrite) fill();
    return response;
  },
});
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
blueprint.before_request(restore_tags)
protect(blueprint, CONTENT_SECURITY_POLICY)


@blueprint.get("/openapi.json")
def openapi() -> Response:
    extensions = current_app.extensions
    if SPECIFICATION_TEXT not in extensions:  # writing it takes 3 ms
        extensions[SPECIFICATION_TEXT] = json.dumps(extensions["specification"])
    return Response(extensions[SPECIFICATION_TEXT], mimetype="application/json")


@blueprint.get("/docs")
def docs() -> Response:
    return Response(DOCS, mimetype="text/html")


@blueprint.get("/docs/init.js")
def init() -> Response:
    return Response(INIT, mimetype="text/javascript")


@blueprint.get("/docs/<name>")
def asset(name: str) -> Response:
    """Send a file from memory. Open files of slow clients would take descriptors from others."""
    if name not in ASSETS:
        raise NotFound
    content, tag = _content(name)
    response = Response(content, mimetype=ASSETS[name])
    response.headers["Cache-Control"] = "public, max-age=86400"
    response.set_etag(tag)
    response.make_conditional(request, accept_ranges=True, complete_length=len(content))
    return response


@cache
def _content(name: str) -> tuple[bytes, str]:
    """Return the content of a file of Swagger UI, and its tag."""
    content = (resources.files("flask_swagger_ui") / "dist" / name).read_bytes()
    return content, sha256(content).hexdigest()[:16]


@blueprint.get("/problems/<code>")
def problem(code: str) -> str:
    if code not in PROBLEM_TYPES:
        raise NotFound
    return render_template_string(PROBLEM, code=code, problem=PROBLEM_TYPES[code])
