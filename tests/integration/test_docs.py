"""The examples in the README and in docs/ work as they are shown."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.integration.processes import Api, ServiceProcess
from tests.integration.receiver import SECRET, Receiver, Request
from tests.pages import blocks, write_modules


def submitted(page: str) -> list[Any]:
    """Return the bodies of the page's POSTs to /tasks."""
    commands = "".join(blocks(page, "sh")).replace("\\\n", "")
    bodies = re.findall(r"curl -s http://127\.0\.0\.1:5000/tasks -H [^\n]*?-d '(.*?)'", commands)
    return [json.loads(body) for body in bodies]


@pytest.fixture(
    params=["README.md", "docs/functions.md", "docs/http-tasks.md", "docs/callbacks.md"]
)
def page(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Write the modules of a page into a folder on PYTHONPATH, and return the name of the page."""
    page: str = request.param
    write_modules(page, tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    return page


@pytest.fixture
def started(page: str, redis_url: str, tmp_path: Path) -> Iterator[Api]:
    handlers = re.findall(
        r"^TASKS_HANDLERS=(\S+) make run$", "".join(blocks(page, "sh")), re.MULTILINE
    )
    settings: dict[str, Any] = {
        "redis_url": redis_url,
        "handlers": ",".join(handlers),
        "data_dir": tmp_path / "state",
        "http_allowed_networks": "127.0.0.1/32",
    }
    with (
        Api(tmp_path / "api.log", http_workers=1, **settings) as api,
        ServiceProcess("worker", tmp_path / "worker.log", **settings),
        ServiceProcess(
            "maintenance", tmp_path / "maintenance.log", **settings, callback_secret=SECRET
        ),
    ):
        yield api


def test_each_task_that_a_page_submits_is_completed(page: str, started: Api) -> None:
    bodies = submitted(page)
    assert bodies

    with Receiver() as elsewhere:
        for body in bodies:
            text = json.dumps(body).replace("https://api.example.com", elsewhere.url)
            response = started.request("POST", "/tasks", json=json.loads(text))
            assert response.status_code == 202, response.text
            task = started.final(response.json()["task_id"])
            assert task["status"] == "COMPLETED", task
            if "callback_url" in task:
                [request] = elsewhere.wait_for(1)
                assert verified_by_the_receiver_of(page, request)["data"] == task


def verified_by_the_receiver_of(page: str, request: Request) -> Any:
    """Return the webhook that the receiver of the page verified."""
    names: dict[str, Any] = {}
    exec("".join(blocks(page, "python")), names)
    return names["verify_webhook"](request.body, request.headers, SECRET)
