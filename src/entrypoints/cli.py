"""The server's commands, one for each process. `entrypoints.commands` names them.

`task_manager_cli` has the console script, which leaves them to `main`.
"""

from entrypoints import early_interrupt  # first: the other imports take half a second

# isort: split
import json
import sys

import click

from entrypoints.control_characters import escape_output
from entrypoints.key_commands import keys
from entrypoints.quick_imports import quick_imports
from entrypoints.settings import Settings
from entrypoints.with_settings import with_settings

early_interrupt.end()


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="task-manager-api")
def main() -> None:
    """An HTTP service in front of your long-running work.

    \b
    Example: start everything on this machine, with an embedded server
      task-manager local
    """
    escape_output()


@main.command()
@with_settings
def local(settings: Settings) -> None:
    """Run the whole service on this machine.

    \b
    Starts the API, a worker and maintenance, and an embedded server unless TASKS_REDIS_URL is set.
    Example:
      TASKS_HTTP_PORT=8080 task-manager local
    """
    click.echo("Task Manager API: starting …")
    with quick_imports():
        from entrypoints.container.handlers import find_handlers
        from entrypoints.http_address import require_free_address
        from entrypoints.local.stack import LocalStack
        from entrypoints.local.supervisor import ServiceFailed

    find_handlers(settings)
    require_free_address(settings)
    try:
        LocalStack(settings).run()
    except ServiceFailed as error:
        click.echo(error, err=True)
        sys.exit(1)


@main.command()
@with_settings
def repair(settings: Settings) -> None:
    """Repair the damaged data of the embedded server, after copying it.

    \b
    Cuts the append-only file off at the first damage, and prints how many bytes were cut.
    Stop `task-manager local` first. Example:
      TASKS_DATA_DIR=.data task-manager repair
    """
    from entrypoints.local.data_directory import DataDirectory
    from entrypoints.local.repair import Repair, RepairFailed

    directory = DataDirectory(settings.data_dir)
    directory.lock()
    try:
        Repair(directory, click.echo).run()
    except RepairFailed as error:
        click.echo(error, err=True)
        sys.exit(1)


@main.command()
@with_settings
def api(settings: Settings) -> None:
    """Serve the HTTP API.

    \b
    Example:
      TASKS_REDIS_URL=redis://127.0.0.1:6379/0 task-manager api
    """
    from gevent import monkey

    monkey.patch_all()
    with quick_imports():
        from entrypoints.api.server import serve
        from entrypoints.container.handlers import find_handlers
        from entrypoints.logging import configure_logging
        from entrypoints.store_safety import require_safe_store

        find_handlers(settings)
    configure_logging("api")
    require_safe_store(settings)
    serve(settings)


@main.command()
@with_settings
def worker(settings: Settings) -> None:
    """Run tasks of the queues in TASKS_QUEUES.

    \b
    Example:
      TASKS_REDIS_URL=redis://127.0.0.1:6379/0 TASKS_WORKER_CONCURRENCY=8 task-manager worker
    """
    with quick_imports():
        from entrypoints.logging import configure_logging
        from entrypoints.store_safety import require_safe_store
        from entrypoints.worker.process import run_worker

    configure_logging("worker")
    require_safe_store(settings)
    sys.exit(run_worker(settings))


@main.command()
@with_settings
def maintenance(settings: Settings) -> None:
    """Recover lost runs, wake workers, deliver webhooks, remove old tasks.

    Every installation needs at least one.

    \b
    Example:
      TASKS_REDIS_URL=redis://127.0.0.1:6379/0 task-manager maintenance
    """
    with quick_imports():
        from entrypoints.container import build_container
        from entrypoints.logging import configure_logging
        from entrypoints.maintenance.process import Maintenance
        from entrypoints.store_safety import require_safe_store

    configure_logging("maintenance")
    require_safe_store(settings)
    Maintenance(build_container(settings, traced_as="maintenance")).run()


@main.command()
@with_settings
def handlers(settings: Settings) -> None:
    """Print all types of task of TASKS_HANDLERS. Needs no Redis.

    Each has the schema of its payload. `task-manager types` asks a running service.


    \b
    Example, to check whether a module of yours can be used:
      TASKS_HANDLERS=shop.tasks task-manager handlers
    """
    from entrypoints.container.handlers import find_handlers

    for kind in find_handlers(settings).types():
        click.echo(f"{kind.name}: {kind.description.splitlines()[0]}")
        click.echo(json.dumps(kind.payload_schema, ensure_ascii=False))


@main.command()
@click.argument("sender", type=click.Choice(["http"]))
@with_settings
def signing_key(settings: Settings, sender: str) -> None:
    """Print the secret that verifies tasks of the type http. Needs no Redis.

    \b
    It is derived from TASKS_CALLBACK_SECRET. Receivers of callbacks verify with that one.
    Example:
      TASKS_CALLBACK_SECRET_FILE=/run/secrets/callback task-manager signing-key http
    """
    from entrypoints.container.handlers import http_signing_key

    click.echo(http_signing_key(settings))


@main.command()
@with_settings
def openapi(settings: Settings) -> None:
    """Print the OpenAPI specification. Needs no Redis.

    \b
    Example:
      task-manager openapi > docs/openapi.json
    """
    from entrypoints.api.app import create_app
    from entrypoints.container import Container

    document = create_app(Container(settings=settings)).extensions["specification"]
    click.echo(json.dumps(document, indent=2, ensure_ascii=False))


@main.command()
def problems() -> None:
    """Print the meaning of each error of the API, as Markdown.

    \b
    Example:
      task-manager problems > docs/problems.md
    """
    from entrypoints.api.problems.catalogue import problems_page

    click.echo(problems_page(), nl=False)


@main.command()
@click.argument("part", type=click.Choice(["api", "worker", "maintenance"]))
@click.option(
    "--liveness",
    is_flag=True,
    help="Exit with 0 also while Redis cannot be reached: a restart would not help.",
)
@with_settings
def health(settings: Settings, part: str, liveness: bool) -> None:
    """Exit with 0 if a part of the service on this host is healthy. Otherwise with 1.

    \b
    Examples, as the health check of a container, and as a liveness probe of Kubernetes:
      task-manager health worker
      task-manager health worker --liveness
    """
    from entrypoints.health import is_healthy

    healthy, reason = is_healthy(settings, part, liveness=liveness)
    click.echo(f"{part}: {reason}", err=not healthy)
    sys.exit(0 if healthy else 1)


main.add_command(keys)

if __name__ == "__main__":
    main()
