"""The API with more paths, for tests that look into its process."""

from collections.abc import Callable

from flask import Flask

from entrypoints import cli
from entrypoints.api.server import Server


def serve_extended(extend: Callable[[Flask], Flask]) -> None:
    """Serve the application that `extend` returns. Call it in a process of its own."""
    load = Server.load
    Server.load = lambda self: extend(load(self))  # type: ignore[method-assign]
    cli.main(["api"])
