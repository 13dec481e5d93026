"""The dashboard: its page at /ui/, and its files under a name that changes with their content.

The page is a client of the HTTP API, and nothing of it is made on the server. All links are
relative, so that it also works behind a proxy that adds a path prefix.
"""

import gzip
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from importlib import resources
from pathlib import PurePosixPath

from flask import Blueprint, Response, request
from werkzeug.exceptions import NotFound

from entrypoints.api.compression import wants_gzip
from entrypoints.api.resources.page_policy import RELOAD, RELOAD_SOURCE, protect

CONTENT_SECURITY_POLICY = (
    f"default-src 'none'; script-src 'self' {RELOAD_SOURCE}; style-src 'self'; "
    "connect-src 'self'; img-src 'self' data:; base-uri 'none'; form-action 'self'; "
    "frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types task-manager"
)
MEDIA_TYPES = {
    ".css": "text/css",
    ".html": "text/html",
    ".js": "text/javascript",
    ".svg": "image/svg+xml",
}
PAGE = "index.html"
YEAR_SECONDS = 365 * 24 * 60 * 60


@dataclass(frozen=True)
class StoredFile:
    """A file of the dashboard, plain and compressed."""

    media_type: str
    plain: bytes
    compressed: bytes

    @classmethod
    def of(cls, name: str, content: bytes) -> "StoredFile":
        media_type = MEDIA_TYPES[PurePosixPath(name).suffix]
        return cls(media_type, content, gzip.compress(content, 9, mtime=0))


@dataclass(frozen=True)
class Dashboard:
    version: str
    """A hash of the content of all files."""
    page: StoredFile
    files: dict[str, StoredFile]


@cache
def dashboard() -> Dashboard:
    """Read and compress the files once."""
    folder = resources.files("entrypoints.api") / "ui"
    contents = {
        item.name: item.read_bytes()
        for item in sorted(folder.iterdir(), key=lambda item: item.name)
        if PurePosixPath(item.name).suffix in MEDIA_TYPES
    }
    digest = sha256()
    for name, content in contents.items():
        digest.update(f"{name} {len(content)}\n".encode() + content)
    version = digest.hexdigest()[:16]
    page = contents.pop(PAGE).replace(b"VERSION", version.encode())
    page = page.replace(b"RELOAD", RELOAD.encode())
    return Dashboard(
        version,
        StoredFile.of(PAGE, page),
        {name: StoredFile.of(name, content) for name, content in contents.items()},
    )


blueprint = Blueprint("dashboard", __name__)
protect(blueprint, CONTENT_SECURITY_POLICY)


@blueprint.get("/")
def start() -> Response:
    return _moved("ui/")


@blueprint.get("/ui/")
def page() -> Response:
    """Send the page. A browser asks for it again at each visit, and gets 304 if it is the same."""
    if not request.path.endswith("/"):
        return _moved("ui/")
    response = _response(dashboard().page)
    response.headers["Cache-Control"] = "no-cache"
    response.set_etag(dashboard().version, weak=True)
    response.make_conditional(request)
    return response


@blueprint.get("/ui/<version>/<name>")
def file(version: str, name: str) -> Response:
    """Send a file. An old version is not there: its page loads the current one when reloaded."""
    stored = dashboard().files.get(name)
    if stored is None or version != dashboard().version:
        raise NotFound
    response = _response(stored)
    response.headers["Cache-Control"] = f"public, max-age={YEAR_SECONDS}, immutable"
    return response


def _moved(location: str) -> Response:
    """Redirect to a relative URL, which holds under any path prefix."""
    return Response(status=302, headers={"Location": location})


def _response(stored: StoredFile) -> Response:
    compressed = wants_gzip()
    response = Response(stored.compressed if compressed else stored.plain)
    response.headers["Content-Type"] = f"{stored.media_type}; charset=utf-8"
    response.headers["Vary"] = "Accept-Encoding"
    if compressed:
        response.headers["Content-Encoding"] = "gzip"
    return response
