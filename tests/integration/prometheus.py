"""A real Prometheus, and its tool for rules. Debian's package has both."""

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.integration.ports import free_port
from tests.integration.waiting import PATIENCE, wait_until

INSTALL = "Prometheus is not installed: apt-get install --no-install-recommends prometheus"
FOLDER = Path(__file__).parents[2] / "deploy" / "observability"


def require_prometheus() -> None:
    """Skip the test on a machine without Prometheus; with CI=true, fail it."""
    if not (shutil.which("prometheus") and shutil.which("promtool")):
        (pytest.fail if os.environ.get("CI") == "true" else pytest.skip)(INSTALL)


def promtool(*arguments: str, text: str | None = None) -> str:
    """Run a command of promtool in deploy/observability. Returns its output, and fails with it."""
    done = subprocess.run(
        ["promtool", *arguments],
        cwd=FOLDER,
        input=text,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=PATIENCE,
    )
    assert done.returncode == 0, done.stdout
    return done.stdout


class Prometheus:
    def __init__(self, url: str) -> None:
        self._url = url

    def get(self, path: str, **query: str) -> Any:
        """Return the data of a response of its HTTP API."""
        response = requests.get(f"{self._url}/api/v1/{path}", params=query, timeout=PATIENCE)
        assert response.ok, response.text
        return response.json()["data"]

    def values(self, query: str) -> list[float]:
        """Return the present values of a query."""
        return [float(each["value"][1]) for each in self.get("query", query=query)["result"]]

    def is_ready(self) -> bool:
        try:
            return requests.get(f"{self._url}/-/ready", timeout=PATIENCE).ok
        except requests.RequestException:
            return False


@contextmanager
def running_prometheus(folder: Path, *targets: str) -> Iterator[Prometheus]:
    """Start a Prometheus that scrapes the targets every second, with the rules of the project."""
    port = free_port()
    configuration = {  # JSON is YAML, too
        "global": {"scrape_interval": "1s", "evaluation_interval": "1s"},
        "rule_files": [str(FOLDER / "rules.yml")],
        "scrape_configs": [
            {"job_name": "task-manager", "static_configs": [{"targets": list(targets)}]}
        ],
    }
    (folder / "prometheus.yml").write_text(json.dumps(configuration))
    with (folder / "prometheus.log").open("ab") as log:
        process = subprocess.Popen(
            [
                "prometheus",
                f"--config.file={folder / 'prometheus.yml'}",
                f"--storage.tsdb.path={folder / 'data'}",
                f"--web.listen-address=127.0.0.1:{port}",
            ],
            stdout=log,
            stderr=log,
        )
    try:
        prometheus = Prometheus(f"http://127.0.0.1:{port}")
        wait_until(prometheus.is_ready)
        yield prometheus
    finally:
        process.kill()
        process.wait()
