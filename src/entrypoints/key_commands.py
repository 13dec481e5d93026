"""`task-manager keys`: the keys of the API, managed on the host."""

import sys
from collections.abc import Callable, Mapping
from datetime import timedelta
from functools import wraps
from typing import Any

import click

from application.errors import StoreUnavailable
from application.ports.access_keys import TooManyKeys
from application.task_serializer import rfc3339
from application.use_cases.access.manage_keys import IssuedKey, KeyNotFound, ManageKeys
from domain.access import AccessKey, InvalidAccessKey, Role
from domain.rate_limit import InvalidRateLimit, RateLimit
from entrypoints.settings import Settings
from entrypoints.with_settings import with_settings

DAY = 86_400


def with_keys(command: Callable[..., Any]) -> Callable[..., Any]:
    """Pass the use case to the command. A failure ends it with exit code 1."""

    @with_settings
    @wraps(command)
    def run(settings: Settings, *arguments: Any, **options: Any) -> None:
        from entrypoints.container import build_container

        try:
            command(build_container(settings).manage_keys(), *arguments, **options)
        except StoreUnavailable as error:
            click.echo(
                f"{error} Check that Redis runs at TASKS_REDIS_URL: {error.reason}", err=True
            )
            sys.exit(1)
        except InvalidRateLimit as error:
            click.echo(f"--rate-limit: {error}", err=True)
            sys.exit(1)
        except (InvalidAccessKey, KeyNotFound, TooManyKeys) as error:
            click.echo(error, err=True)
            sys.exit(1)

    return run


@click.group()
def keys() -> None:
    """Make, list, rotate and revoke the keys of the API. Needs Redis only.

    \b
    The API asks for them where TASKS_AUTH is keys. Example: make the first one
      TASKS_REDIS_URL=redis://127.0.0.1:6379/0 task-manager keys create ada --role admin
    """


@keys.command()
@click.argument("name")
@click.option(
    "--role",
    type=click.Choice([role.value for role in Role]),
    required=True,
    help="What it may do.",
)
@click.option("--queue", "queues", multiple=True, help="Bind it to this queue. Repeatable.")
@click.option("--label", "labels", multiple=True, help="Bind it to a label, key=value. Repeatable.")
@click.option(
    "--days", type=click.IntRange(1, 36_500), help="Days until it expires. Default: never."
)
@click.option(
    "--rate-limit",
    help="Requests of this key alone, such as 600/minute. Default: TASKS_RATE_LIMIT.",
)
@click.option("--if-first", is_flag=True, help="Do nothing if there is a key already.")
@with_keys
def create(
    manage_keys: ManageKeys,
    name: str,
    role: str,
    queues: tuple[str, ...],
    labels: tuple[str, ...],
    days: int | None,
    rate_limit: str | None,
    *,
    if_first: bool,
) -> None:
    """Make a key and print its token, which cannot be read again.

    \b
    Example: a key that has only the tasks of one customer
      task-manager keys create shop --role operator --label tenant=acme --days 365
    """
    if if_first and manage_keys.all():
        return
    issued = manage_keys.create(
        name=name,
        role=Role(role),
        queues=queues,
        labels=_labels(labels),
        lifetime=timedelta(days=days) if days else None,
        rate_limit=RateLimit.parse(rate_limit) if rate_limit else None,
    )
    _show(issued)


@keys.command("list")
@with_keys
def list_keys(manage_keys: ManageKeys) -> None:
    """Print all keys, without their secrets.

    \b
    Example:
      task-manager keys list
    """
    listed = manage_keys.all()
    for each in listed:
        used = rfc3339(each.last_used_at) or "never used"
        click.echo(f"{each.key.key_id}  {_described(each.key)}  {used}")
    if not listed:
        click.echo(
            "There are no keys. Make one: task-manager keys create NAME --role admin", err=True
        )


@keys.command()
@click.argument("key_id")
@click.option(
    "--keep",
    type=click.IntRange(0, 30 * DAY),
    default=0,
    show_default=True,
    help="Seconds for which the old secret opens the key, too.",
)
@with_keys
def rotate(manage_keys: ManageKeys, key_id: str, keep: int) -> None:
    """Give a key a new secret, and print its token.

    \b
    Example: change the secret of a program while it runs
      task-manager keys rotate 3f9k2mz81q0a --keep 3600
    """
    _show(manage_keys.rotate(key_id, old_secret_for=timedelta(seconds=keep)))


@keys.command()
@click.argument("key_id")
@with_keys
def revoke(manage_keys: ManageKeys, key_id: str) -> None:
    """Revoke a key. The API refuses it within five seconds.

    \b
    Example:
      task-manager keys revoke 3f9k2mz81q0a
    """
    manage_keys.revoke(key_id)
    click.echo(f"Revoked {key_id}.", err=True)


def _show(issued: IssuedKey) -> None:
    """Print the token alone on stdout, so that it can be written into a file."""
    click.echo(
        f"{issued.key.key_id}: {_described(issued.key)}. The token is not shown again.", err=True
    )
    click.echo(str(issued.token))


def _described(key: AccessKey) -> str:
    bounds = [f"queue {queue}" for queue in key.queues]
    bounds += [f"{name}={value}" for name, value in key.labels.items()]
    until = f", until {rfc3339(key.expires_at)}" if key.expires_at else ""
    limit = f", {key.rate_limit}" if key.rate_limit else ""
    bound = f" ({', '.join(bounds)})" if bounds else ""
    return f"{key.role} {key.name}{bound}{limit}{until}"


def _labels(given: tuple[str, ...]) -> Mapping[str, str]:
    """Return the labels. Raises InvalidAccessKey for a text without an equals sign."""
    if wrong := [text for text in given if "=" not in text]:
        raise InvalidAccessKey([("labels", f"Must be key=value, not {wrong[0]!r}.")])
    return dict(text.split("=", 1) for text in given)
