"""Common tools read docs/openapi.json without complaints, and their clients work.

npm and pip install the tools once, into the user's cache. Without npm or the registries the tests
are skipped. With CI=true and npm present, they fail instead.
"""

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

import pytest

from tests.integration.processes import Api

API_SETTINGS = {"http_workers": 1}
HERE = Path(__file__).parent
DOCUMENT = HERE.parents[1] / "docs" / "openapi.json"
PACKAGES = [
    "@stoplight/spectral-cli@6.16.3",
    "@redocly/cli@2.77.0",
    "openapi-typescript@7.13.0",
    "openapi-fetch@0.17.0",
    "typescript@5.9.3",
    "@types/node@20.19.0",
]
PYTHON_PACKAGES = ["openapi-python-client==0.29.1"]
BEFORE = "2026-11-20"
"""Dependencies of these packages are installed as of this day."""
RETRIES = ["--fetch-retries=1", "--fetch-retry-mintimeout=500", "--fetch-retry-maxtimeout=1000"]
INSTALL_SECONDS = 240
COMPILER_OPTIONS = [
    *(
        "--strict",
        "--target",
        "es2022",
        "--module",
        "nodenext",
        "--skipLibCheck",
        "--types",
        "node",
    ),
    *("--outDir", "out"),
]

PYTHON_CLIENT = """
import sys

from client import Client
from client.api.bulk import act_on_tasks, submit_batch
from client.api.tasks import get_task, list_tasks, submit_task, update_task
from client.models import (
    ActionOnFilterBody, ActionOnFilterBodyAction, BatchBody, FilterBody, ListTasksStatusItem,
    PayloadTaskBody, PayloadTaskBodyPayload, SleepTaskBody, SleepTaskBodyLabels, TaskPatchBody,
)

client = Client(base_url=sys.argv[1], raise_on_unexpected_status=True)
labels = SleepTaskBodyLabels.from_dict({"team": "a:b, c"})
body = SleepTaskBody(task_name="one", duration=1, labels=labels)
task = submit_task.sync(client=client, body=body, idempotency_key="one")
assert submit_task.sync(client=client, body=body, idempotency_key="one").task_id == task.task_id

call = PayloadTaskBodyPayload.from_dict({"url": "https://example.com/"})
tasks = [PayloadTaskBody(task_name="two", type_="http", payload=call, queue="other"), body]
assert len(submit_batch.sync(client=client, body=BatchBody(tasks=tasks)).tasks) == 2

queued = [ListTasksStatusItem.QUEUED]
found = list_tasks.sync(client=client, label=["team:a:b, c"], status=queued).tasks
assert [each.task_name for each in found] == ["one", "one"]
patch = TaskPatchBody(task_name="new")
patched = update_task.sync(task.task_id, client=client, body=patch, if_match='"1"')
assert patched.task_name == "new"

cancel = ActionOnFilterBody(action=ActionOnFilterBodyAction.CANCEL, filter_=FilterBody())
assert act_on_tasks.sync(client=client, body=cancel).done == 3
final = get_task.sync(task.task_id, client=client, wait=10)
assert (final.status, final.error.code) == ("CANCELLED", "cancelled")

wrong = submit_task.sync(client=client, body=SleepTaskBody(task_name="", duration=0))
assert (wrong.code, len(wrong.errors)) == ("invalid_request", 2)
"""

pytestmark = [pytest.mark.slow, pytest.mark.timeout(INSTALL_SECONDS + 120)]


@pytest.fixture(scope="session")
def tools() -> Path:
    """Return the folder of the programs."""
    npm = shutil.which("npm")
    if npm is None or shutil.which("node") is None:
        pytest.skip(
            "npm and node are not installed: the tools that read the specification cannot be tried"
        )
    folder = installed("npm", [*PACKAGES, BEFORE], lambda made: install(npm, made))
    return folder / "node_modules" / ".bin"


@pytest.fixture(scope="session")
def python_tools() -> Path:
    """Return the folder of the generator and of the packages that its clients need."""
    return installed("pip", [*PYTHON_PACKAGES, sys.version], pip_install)


def installed(name: str, wanted: Sequence[str], install_into: Callable[[Path], str]) -> Path:
    """Return the folder, and fill it when it does not exist. Skips or fails when that fails."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "task-manager-api"
    folder = cache / f"{name}-{hashlib.sha256(repr(wanted).encode()).hexdigest()[:16]}"
    if not folder.is_dir():
        cache.mkdir(parents=True, exist_ok=True)
        made = Path(tempfile.mkdtemp(dir=cache))
        if problem := install_into(made):
            shutil.rmtree(made)
            message = f"{name} could not install {', '.join(wanted)}: {problem}"
            pytest.fail(message) if os.environ.get("CI") == "true" else pytest.skip(message)
        with suppress(OSError):  # another run was faster
            made.rename(folder)
        shutil.rmtree(made, ignore_errors=True)
    return folder


def install(npm: str, folder: Path) -> str:
    """Return why it failed, or nothing. Scripts of packages are not run."""
    options = [
        "--ignore-scripts",
        "--no-audit",
        "--no-fund",
        "--no-save",
        "--loglevel=error",
        f"--before={BEFORE}",
    ]
    return problem_of([npm, "install", *options, *RETRIES, "--prefix", str(folder), *PACKAGES])


def pip_install(folder: Path) -> str:
    """Return why it failed, or nothing."""
    options = ["--quiet", "--disable-pip-version-check", "--only-binary=:all:", "--retries=1"]
    return problem_of(
        [
            sys.executable,
            "-m",
            "pip",
            "install",
            *options,
            "--target",
            str(folder),
            *PYTHON_PACKAGES,
        ]
    )


def problem_of(command: Sequence[str]) -> str:
    """Run an installer. Return why it failed, or nothing."""
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=INSTALL_SECONDS, check=False
        )
    except subprocess.TimeoutExpired:
        return f"not done within {INSTALL_SECONDS} s"
    return done.stderr[-1_000:] if done.returncode else ""


def run(folder: Path, command: Sequence[str | Path]) -> str:
    """Return the output of the program. Fails when the program fails."""
    quiet = {"REDOCLY_TELEMETRY": "off", "REDOCLY_SUPPRESS_UPDATE_NOTICE": "true", "NO_COLOR": "1"}
    done = subprocess.run(
        command,
        cwd=folder,
        env={**os.environ, **quiet},
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    written = done.stdout + done.stderr
    assert done.returncode == 0, written[-5_000:]
    return written


def test_spectral_finds_nothing(tools: Path, tmp_path: Path) -> None:
    (tmp_path / "rules.yaml").write_text('extends: ["spectral:oas"]\n')

    found = run(
        tmp_path,
        [tools / "spectral", "lint", "--fail-severity", "hint", "-r", "rules.yaml", DOCUMENT],
    )

    assert "No results" in found


def test_redocly_finds_nothing(tools: Path, tmp_path: Path) -> None:
    found = run(tmp_path, [tools / "redocly", "lint", "--extends", "recommended-strict", DOCUMENT])

    assert "is valid" in found  # warnings are errors of recommended-strict


def test_a_typed_client_in_typescript_compiles_and_works(
    tools: Path, api: Api, tmp_path: Path
) -> None:
    (tmp_path / "node_modules").symlink_to(tools.parent)
    (tmp_path / "package.json").write_text('{"type": "module"}')
    shutil.copy(HERE / "client.ts", tmp_path)

    run(tmp_path, [tools / "openapi-typescript", DOCUMENT, "--output", "api.d.ts"])
    run(tmp_path, [tools / "tsc", *COMPILER_OPTIONS, "client.ts"])
    run(tmp_path, ["node", "out/client.js", f"http://127.0.0.1:{api.port}"])


def test_a_client_in_python_is_generated_and_works(
    python_tools: Path, api: Api, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONPATH", str(python_tools))
    (tmp_path / "program.py").write_text(PYTHON_CLIENT)
    (tmp_path / "config.yaml").write_text("post_hooks: []")
    generate = [
        "generate",
        "--path",
        DOCUMENT,
        "--output-path",
        "client",
        "--meta",
        "none",
        "--config",
        "config.yaml",
    ]

    written = run(
        tmp_path, [sys.executable, "-m", "openapi_python_client", *generate, "--fail-on-warning"]
    )
    assert "Warning" not in written
    run(tmp_path, [sys.executable, "program.py", f"http://127.0.0.1:{api.port}"])
