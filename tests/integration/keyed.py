"""Keys of a real service, made as its operator makes them."""

import os
import subprocess
import sys

from tests.integration.processes import Api
from tests.integration.waiting import PATIENCE


def run_keys(redis_url: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run `task-manager keys` on the host of a Redis."""
    return subprocess.run(
        [sys.executable, "-m", "entrypoints.cli", "keys", *arguments],
        env={**os.environ, "TASKS_REDIS_URL": redis_url},
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )


def a_token(redis_url: str, role: str, *bounds: str) -> str:
    """Return the token of a new key."""
    made = run_keys(redis_url, "create", f"a {role}", "--role", role, *bounds)
    assert made.returncode == 0, made.stderr
    return made.stdout.strip()


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def status(api: Api, token: str, path: str = "/tasks") -> int:
    return api.request("GET", path, headers=bearer(token)).status_code
