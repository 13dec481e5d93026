"""What all pages for people share: the headers that protect them, and how they load again."""

from base64 import b64encode
from hashlib import sha256
from importlib import resources

from flask import Blueprint, Response

RELOAD = (resources.files("entrypoints.api") / "ui" / "reload.js").read_text()
"""The script that a page holds itself, since a script that is loaded may not arrive."""
RELOAD_SOURCE = f"'sha256-{b64encode(sha256(RELOAD.encode()).digest()).decode()}'"
"""Allows the script in a Content-Security-Policy."""


def protect(blueprint: Blueprint, policy: str) -> None:
    """Send the Content-Security-Policy with all responses of the blueprint, and no Referer."""

    @blueprint.after_request
    def add_headers(response: Response) -> Response:
        response.headers["Content-Security-Policy"] = policy
        response.headers["Referrer-Policy"] = "no-referrer"
        return response
