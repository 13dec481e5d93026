"""/livez and /readyz: is the process there, and can it do its work."""

from flask import Blueprint, current_app

blueprint = Blueprint("probes", __name__)


@blueprint.get("/livez")
def livez() -> dict[str, str]:
    """Never asks Redis: a store that is away is no reason to restart the API."""
    return {"status": "alive"}


@blueprint.get("/readyz")
def readyz() -> dict[str, str]:
    current_app.extensions["container"].check_health().execute("api")
    return {"status": "ready"}
