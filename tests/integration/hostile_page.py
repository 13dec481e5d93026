"""A page that tries everything a page can try against the API, and the browser that shows it."""

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.integration.browser import INSTALL, Browser, installed_browser
from tests.integration.processes import Api
from tests.integration.receiver import Response

EVIL = "evil.example"
PAGE = Response(200, "<!doctype html><title>Kittens</title><body>", {"Content-Type": "text/html"})
ATTACKS = {
    "fetch without a body": (
        'fetch(api + "/queues/default/pause", {method: "POST", mode: "no-cors"})'
    ),
    "fetch with a simple body": (
        'fetch(api + "/tasks", '
        '{method: "POST", mode: "no-cors", body: JSON.stringify({task_name: "evil", '
        "duration: 1})})"
    ),
    "fetch with JSON": (
        'fetch(api + "/tasks", {method: "POST", headers: {"Content-Type": "application/json"}, '
        'body: JSON.stringify({task_name: "evil", duration: 1})})'
    ),
    "fetch with credentials": (
        'fetch(api + "/queues/default/pause", {method: "POST", mode: "no-cors", credentials: '
        '"include"})'
    ),
    "fetch without a referrer": (
        'fetch(api + "/queues/default/pause", {method: "POST", mode: "no-cors", referrerPolicy: '
        '"no-referrer"})'
    ),
    "delete": 'fetch(api + "/tasks/" + task, {method: "DELETE"})',
    "beacon": '(async () => navigator.sendBeacon(api + "/queues/default/pause"))()',
    "form": "submitted()",
    "form of a sandboxed frame": "sandboxed()",
    "read": 'fetch(api + "/tasks").then(response => response.text())',
    "opaque read": 'fetch(api + "/tasks", {mode: "no-cors"}).then(response => response.text())',
    "read with credentials": (
        'fetch(api + "/tasks", {credentials: "include"}).then(response => response.text())'
    ),
    "event stream": "followed(false)",
    "event stream with credentials": "followed(true)",
}
SCRIPT = """
(async () => {
  const api = %(api)s, task = %(task)s, results = {};
  const frame = (attributes, html) => new Promise(done => {
    const frame = document.createElement("iframe");
    Object.entries(attributes).forEach(([name, value]) => frame.setAttribute(name, value));
    let loads = 0;
    frame.onload = () => { loads += 1; if (loads === 2) done("answered"); };
    frame.srcdoc = html;
    document.body.append(frame);
    setTimeout(() => done("not answered"), 90000);
  });
  const form = `<form method="post" action="${api}/queues/default/pause"></form>
    <script>onload = () => setTimeout(() => document.forms[0].submit())</script>`;
  const submitted = () => frame({}, form);
  const sandboxed = () => frame({sandbox: "allow-scripts allow-forms"}, form);
  const followed = withCredentials => new Promise(done => {
    const source = new EventSource(api + "/events", {withCredentials});
    source.addEventListener("task.snapshot", () => { source.close(); done("read"); });
    source.onerror = () => { source.close(); done("refused"); };
  });
  const described = value =>
    value instanceof Response ? `${value.type} ${value.status}` : String(value);
  %(attacks)s
  return results;
})()
"""


@contextmanager
def victims_browser(folder: Path) -> Iterator[Browser]:
    """Start a browser to which EVIL is this machine. Without one, skip, or fail in CI."""
    program = installed_browser()
    if program is None:
        pytest.fail(INSTALL) if os.environ.get("CI") == "true" else pytest.skip(INSTALL)
    with Browser(program, folder, names=f"MAP {EVIL} 127.0.0.1") as browser:
        yield browser


def attack(browser: Browser, api: str, task_id: str) -> dict[str, str]:
    """Return the result of each attempt of the open page."""
    attempts = "".join(
        f"results[{json.dumps(name)}] = await {call}.then(described, described);\n"
        for name, call in ATTACKS.items()
    )
    results: dict[str, str] = browser.run(
        SCRIPT % {"api": json.dumps(api), "task": json.dumps(task_id), "attacks": attempts}
    )
    return results


def state(api: Api, headers: Mapping[str, str] | None = None) -> tuple[int, bool]:
    """Return the number of tasks, and whether a queue is paused."""
    queues = api.request("GET", "/queues", headers=headers).json()["queues"]
    tasks = api.request("GET", "/tasks", headers=headers).json()
    return tasks["pagination"]["total_tasks"], any(queue["paused"] for queue in queues)
