"""The API with a path that holds up its process: `python -m tests.integration.lagging_api`.

GET /lag responds when nothing else of the process could run for 1.5 seconds.
"""

from gevent import monkey

monkey.patch_all()

# ruff: noqa: E402 - the patch comes first
from typing import Any

from flask import Flask, jsonify

from tests.integration.extended_api import serve_extended

LAG_SECONDS = 1.5


def with_lag(app: Flask) -> Flask:
    hold_up = monkey.get_original("time", "sleep")

    def lag() -> Any:
        hold_up(LAG_SECONDS)
        return jsonify(seconds=LAG_SECONDS)

    app.add_url_rule("/lag", view_func=lag)
    return app


if __name__ == "__main__":
    serve_extended(with_lag)
