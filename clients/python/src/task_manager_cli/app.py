"""The options of the whole command line, and the client that they configure."""

import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import update_wrapper
from typing import TYPE_CHECKING, Any

import click

from task_manager_cli.configuration import Configuration, configure, environment

if TYPE_CHECKING:
    from task_manager_client import Client


@dataclass
class App:
    """The options of the whole command line."""

    url: str | None = None
    token: str | None = None
    profile: str | None = None
    timeout: float = 10.0

    def configuration(self) -> Configuration:
        """Return which service is used, and why. Raises click.UsageError."""
        return configure(self.url, self.token, self.profile, environment())

    def client(self, **options: Any) -> "Client":
        """Return a client. Raises click.UsageError if the configuration is wrong."""
        from task_manager_cli.patience import CALL_RETRIES, TOLD_RETRIES
        from task_manager_client import Client

        found = self.configuration()
        retries = {"retries": CALL_RETRIES, "stream_retries": TOLD_RETRIES}
        options = {"timeout": self.timeout, **retries, **options}
        try:
            return Client(str(found.url.value), token=found.token.value, **options)
        except ValueError as error:
            raise click.UsageError(f"{error} (from {found.url.source})") from error


def connected(command: Callable[..., Any]) -> Callable[..., Any]:
    """Pass the App to the command, and accept --url, --token and --profile after its name, too."""

    @click.option("--profile", hidden=True)
    @click.option("--token", hidden=True)
    @click.option("--url", hidden=True)
    @click.pass_context
    def run(
        context: click.Context,
        /,
        *arguments: Any,
        url: str | None,
        token: str | None,
        profile: str | None,
        **options: Any,
    ) -> Any:
        app: App = context.find_root().obj
        app.url, app.token = url or app.url, token or app.token
        app.profile = profile or app.profile
        return command(app, *arguments, **options)

    return update_wrapper(run, command)


def is_terminal() -> bool:
    """Return whether a person can answer a question and sees the output."""
    return sys.stdin.isatty() and sys.stdout.isatty()
