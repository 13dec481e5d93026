"""Check this host: its settings, handlers, folder and API. Diagnose checks the store."""

import json
import os
import stat
import sys
from collections.abc import Iterator, Sequence
from contextlib import redirect_stdout
from http.client import HTTPException
from pathlib import Path
from urllib.error import HTTPError

from application.finding import Finding, failure, ok, skipped, warning
from application.use_cases.operations.diagnose import findings_of
from entrypoints.environment import load_settings
from entrypoints.local.data_directory import OWN_FILES
from entrypoints.local_store import with_local_store
from entrypoints.loopback_http import base_url, get
from entrypoints.private_files import is_shared
from entrypoints.settings import InvalidSettings, Settings, without_secrets

API_SECONDS = 3
MAKE_OWN = "Set TASKS_DATA_DIR to a folder of your own, or run this command as its user."


def examine() -> Iterator[Finding]:
    """Yield all findings in the order in which an operator would look. Raises nothing."""
    try:
        settings = load_settings()
    except InvalidSettings as error:
        for problem in error.problems:
            yield failure(
                "settings", f"{problem}.", "Correct it. README.md has a table of all settings."
            )
        yield skipped("redis", "Nothing else is checked before the settings are valid.")
        return
    yield ok("settings", f"The settings are valid (TASKS_ENV is {settings.env}).")
    types, found = _types(settings)
    yield found
    yield from findings_of("folder", lambda: judge_folder(settings.data_dir))
    yield judge_signing(settings)
    yield from _examine_store(settings, types)
    yield from findings_of("api", lambda: _api(base_url(settings)))


def _types(settings: Settings) -> tuple[Sequence[str] | None, Finding]:
    """Return the types of task of the handlers, or None if they cannot be loaded."""
    from entrypoints.container.handlers import find_handlers  # slow to import

    try:
        with redirect_stdout(sys.stderr):  # modules may print when they are imported
            names = [kind.name for kind in find_handlers(settings).types()]
    except InvalidSettings as error:
        advice = "Correct the module or TASKS_HANDLERS, then try it: task-manager handlers"
        return None, failure("handlers", " ".join(error.problems), advice)
    except Exception as error:  # a module of the operator may raise anything
        return None, failure(
            "handlers", f"TASKS_HANDLERS: {type(error).__name__}: {error}", "Correct the module."
        )
    return names, ok("handlers", f"The handlers can be loaded: {', '.join(names)}.")


def judge_folder(path: Path) -> Finding:
    """Judge who may use the data directory."""
    shown = f"TASKS_DATA_DIR is {str(path.resolve())!r}"
    if not path.exists():
        return ok("folder", f"{shown}, which does not exist yet. The first start creates it.")
    status = path.stat()
    if status.st_uid != os.geteuid():
        return failure(
            "folder",
            f"{shown}, which belongs to user {status.st_uid}, not to you (user {os.geteuid()}).",
            MAKE_OWN,
        )
    if is_shared(status):
        return failure(
            "folder",
            f"{shown}, which is shared with other users (its sticky bit is set).",
            "Set it to a folder inside of it.",
        )
    files = (path, *(path / name for name in OWN_FILES))
    wide = [each for each in files if each.exists() and stat.S_IMODE(each.stat().st_mode) & 0o077]
    if wide:
        return warning(
            "folder",
            f"{shown}, and other users of this host may use {', '.join(map(str, wide))}.",
            f"Make it private: chmod -R go= {path}. Each start of the service does so as well.",
        )
    return ok("folder", f"{shown}, which only you can use.")


def judge_signing(settings: Settings) -> Finding:
    if settings.no_callbacks:
        advice = "Set TASKS_CALLBACK_SECRET, or TASKS_CALLBACK_SECRET_FILE."
        return warning("signing", f"callback_url is refused. {settings.no_callbacks}", advice)
    if settings.callback_secret is None:
        return ok("signing", "Callbacks are sent without a signature (no TASKS_CALLBACK_SECRET).")
    return ok("signing", "Callbacks are signed.")


def _examine_store(settings: Settings, types: Sequence[str] | None) -> Iterator[Finding]:
    from entrypoints.container import build_container  # slow to import

    try:
        settings = with_local_store(settings)
    except OSError as error:
        yield failure("redis", f"Cannot read the URL of the embedded server: {error}.", MAKE_OWN)
        return
    if settings.redis_url is None:
        yield failure(
            "redis",
            "TASKS_REDIS_URL is not set, and no embedded server runs in the data directory.",
            "Set TASKS_REDIS_URL, or start everything here: task-manager local. To look at a "
            "service elsewhere: task-manager --url URL doctor",
        )
        return
    diagnose = build_container(settings).diagnose()
    yield from diagnose.execute(without_secrets(settings.redis_url), types)


def _api(url: str) -> Finding:
    try:
        with get(f"{url}/readyz", seconds=API_SECONDS) as response:
            return judge_api(url, response.status, response.read(65_536))
    except HTTPError as error:
        with error:
            return judge_api(url, error.code, error.read(65_536))
    except (OSError, HTTPException) as error:
        return warning(
            "api",
            f"The API does not respond at {url}: {getattr(error, 'reason', error)}.",
            "Start it: task-manager api. If it runs on another host, there is nothing to do.",
        )


def judge_api(url: str, status: int, body: bytes) -> Finding:
    """Judge the response to GET /readyz."""
    try:
        members = json.loads(body)
        is_ours = isinstance(members, dict) and "status" in members
    except ValueError:
        is_ours, members = False, {}
    if not is_ours:
        return failure(
            "api",
            f"Another program listens at {url} (status {status}).",
            "Stop it, or set TASKS_HTTP_PORT to another port.",
        )
    if status == 200:
        return ok("api", f"The API responds at {url}, and reaches its store.")
    detail = members.get("detail", "")
    return failure(
        "api",
        f"The API at {url} is not ready: status {status}. {detail}",
        "See its log. It may have other settings than this command.",
    )
