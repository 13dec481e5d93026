"""The use cases of the current application."""

from flask import current_app

from entrypoints.container import Container


def use_cases() -> Container:
    """Return the container of the current application, which builds its use cases."""
    container: Container = current_app.extensions["container"]
    return container
