"""Other people's tools read docs/openapi.json without a complaint, and what they generate works.

npm installs them once, into the user's cache. Without npm or its registry the tests are skipped; with CI=true and npm
there, they fail.
"""

import hashlib
import os
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
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
BEFORE = "2026-11-20"
"""What these packages need is taken as it was on this day."""
RETRIES = ["--fetch-retries=1", "--fetch-retry-mintimeout=500", "--fetch-retry-maxtimeout=1000"]
INSTALL_SECONDS = 240
COMPILER_OPTIONS = [
    *("--strict", "--target", "es2022", "--module", "nodenext", "--skipLibCheck", "--types", "node"),
    *("--outDir", "out"),
]

pytestmark = pytest.mark.timeout(INSTALL_SECONDS + 120)


@pytest.fixture(scope="session")
def tools() -> Path:
    """The folder of the programs."""
    npm = shutil.which("npm")
    if npm is None or shutil.which("node") is None:
        pytest.skip("npm and node are not installed: the tools that read the specification cannot be tried")
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "task-manager-api"
    folder = cache / f"npm-{hashlib.sha256(repr((PACKAGES, BEFORE)).encode()).hexdigest()[:16]}"
    if not folder.is_dir():
        cache.mkdir(parents=True, exist_ok=True)
        made = Path(tempfile.mkdtemp(dir=cache))
        if problem := install(npm, made):
            shutil.rmtree(made)
            message = f"npm could not install {', '.join(PACKAGES)}: {problem}"
            pytest.fail(message) if os.environ.get("CI") == "true" else pytest.skip(message)
        with suppress(OSError):  # another run was faster
            made.rename(folder)
        shutil.rmtree(made, ignore_errors=True)
    return folder / "node_modules" / ".bin"


def install(npm: str, folder: Path) -> str:
    """Return why it failed, or nothing. Scripts of packages are not run."""
    options = ["--ignore-scripts", "--no-audit", "--no-fund", "--no-save", "--loglevel=error", f"--before={BEFORE}"]
    command = [npm, "install", *options, *RETRIES, "--prefix", str(folder), *PACKAGES]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=INSTALL_SECONDS, check=False)
    except subprocess.TimeoutExpired:
        return f"not done within {INSTALL_SECONDS} s"
    return done.stderr[-1_000:] if done.returncode else ""


def run(folder: Path, command: Sequence[str | Path]) -> str:
    """Return what the program writes. Fails when the program does."""
    quiet = {"REDOCLY_TELEMETRY": "off", "REDOCLY_SUPPRESS_UPDATE_NOTICE": "true", "NO_COLOR": "1"}
    done = subprocess.run(
        command, cwd=folder, env={**os.environ, **quiet}, capture_output=True, text=True, timeout=100, check=False
    )
    written = done.stdout + done.stderr
    assert done.returncode == 0, written[-5_000:]
    return written


def test_spectral_finds_nothing(tools: Path, tmp_path: Path) -> None:
    (tmp_path / "rules.yaml").write_text('extends: ["spectral:oas"]\n')

    found = run(tmp_path, [tools / "spectral", "lint", "--fail-severity", "hint", "-r", "rules.yaml", DOCUMENT])

    assert "No results" in found


def test_redocly_finds_nothing(tools: Path, tmp_path: Path) -> None:
    found = run(tmp_path, [tools / "redocly", "lint", "--extends", "recommended-strict", DOCUMENT])

    assert "is valid" in found  # warnings are errors of recommended-strict


def test_a_typed_client_in_typescript_compiles_and_works(tools: Path, api: Api, tmp_path: Path) -> None:
    (tmp_path / "node_modules").symlink_to(tools.parent)
    (tmp_path / "package.json").write_text('{"type": "module"}')
    shutil.copy(HERE / "client.ts", tmp_path)

    run(tmp_path, [tools / "openapi-typescript", DOCUMENT, "--output", "api.d.ts"])
    run(tmp_path, [tools / "tsc", *COMPILER_OPTIONS, "client.ts"])
    run(tmp_path, ["node", "out/client.js", f"http://127.0.0.1:{api.port}"])
