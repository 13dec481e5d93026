"""Pass the settings to a command."""

import sys
from collections.abc import Callable
from functools import wraps
from typing import Any

import click

from application.store_layout import StoreTooNew
from entrypoints.environment import load_settings
from entrypoints.settings import InvalidSettings


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
