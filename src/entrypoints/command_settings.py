"""Give commands their settings, and end them when these, or the store, do not fit."""

import sys
from collections.abc import Callable
from dataclasses import replace
from functools import wraps
from typing import Any

import click

from application.store_layout import StoreTooNew
from entrypoints.environment import load_settings
from entrypoints.settings import REDIS_URL_FILE, InvalidSettings, Settings


def with_settings(command: Callable[..., Any]) -> Callable[..., Any]:
    """Pass the settings to the command. Invalid settings end it with exit code 2.

    A store that this release cannot read ends it with 1.
    """

    @wraps(command)
    def run(*arguments: Any, **options: Any) -> None:
        try:
            command(load_settings(), *arguments, **options)
        except InvalidSettings as error:
            click.echo(error, err=True)
            sys.exit(2)
        except StoreTooNew as error:
            click.echo(error, err=True)
            sys.exit(1)

    return run


def with_local_store(settings: Settings) -> Settings:
    """Return the settings with the URL of the embedded server if they name no Redis.

    `task-manager local` writes the URL into the data directory. Without that file, the settings
    are returned as they are.
    """
    path = settings.data_dir / REDIS_URL_FILE
    if settings.redis_url is not None or not path.is_file():
        return settings
    return replace(settings, redis_url=path.read_text().strip())
