"""Hostile pages in a real browser, which decides what it sends and what they may read."""

import http.client
import json
import os
from collections.abc import Iterator

import pytest

from tests.integration.browser import INSTALL, Browser, installed_browser
from tests.integration.processes import Api
from tests.integration.receiver import Receiver, Request, Response
from tests.integration.waiting import PATIENCE, wait_until

pytestmark = pytest.mark.slow

API_SETTINGS = {"http_workers": 1}
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
    "event stream": "followed()",
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
  const followed = () => new Promise(done => {
    const source = new EventSource(api + "/events");
    source.addEventListener("task.snapshot", () => { source.close(); done("read"); });
    source.onerror = () => { source.close(); done("refused"); };
  });
  const described = value =>
    value instanceof Response ? `${value.type} ${value.status}` : String(value);
  %(attacks)s
  return results;
})()
"""


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    program = installed_browser()
    if program is None:
        pytest.fail(INSTALL) if os.environ.get("CI") == "true" else pytest.skip(INSTALL)
    with Browser(
        program, tmp_path_factory.mktemp("browser"), names=f"MAP {EVIL} 127.0.0.1"
    ) as browser:
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


def state(api: Api) -> tuple[int, bool]:
    """Return the number of tasks, and whether a queue is paused."""
    queues = api.request("GET", "/queues").json()["queues"]
    total: int = api.request("GET", "/tasks").json()["pagination"]["total_tasks"]
    return total, any(queue["paused"] for queue in queues)


@pytest.mark.parametrize("host", [EVIL, "localhost", "127.0.0.1"])
def test_a_page_of_another_origin_changes_and_reads_nothing(
    browser: Browser, api: Api, receiver: Receiver, host: str
) -> None:
    """127.0.0.1 with another port is the same site: there only Origin tells them apart."""
    task_id = api.submit()
    receiver.responses = [PAGE]
    browser.open(f"http://{host}:{receiver.port}/")

    seen = attack(browser, f"http://127.0.0.1:{api.port}", task_id)

    assert state(api) == (1, False), seen
    assert {name: result for name, result in seen.items() if "TypeError" in result}.keys() == {
        "fetch with JSON",
        "delete",
        "read",
    }
    assert (seen["opaque read"], seen["event stream"]) == ("", "refused")
    assert seen["form"] == seen["form of a sandboxed frame"] == "answered"
    assert seen["fetch without a body"] == "opaque 0"


def test_a_name_that_leads_here_changes_and_reads_nothing(
    browser: Browser, api: Api, receiver: Receiver
) -> None:
    """DNS rebinding: the page's own origin becomes the API, so the browser allows everything."""
    task_id = api.submit()

    def rebound(request: Request) -> Response:
        if request.path == "/":
            return PAGE
        return Response(*forwarded(api, request))

    with Receiver(respond=rebound) as attacker:
        own = f"http://{EVIL}:{attacker.port}"
        browser.open(f"{own}/")
        seen = attack(browser, own, task_id)

    assert state(api) == (1, False), seen
    assert {seen[name] for name in ("fetch without a body", "fetch with JSON", "delete")} == {
        "basic 421"
    }
    assert "host_not_allowed" in seen["read"]
    assert task_id not in json.dumps(seen).replace(f"/tasks/{task_id}", "")
    assert seen["event stream"] == "refused"


def forwarded(api: Api, request: Request) -> tuple[int, bytes, dict[str, str]]:
    """Send the request to the API as the browser made it, its Host included."""
    connection = http.client.HTTPConnection("127.0.0.1", api.port, timeout=PATIENCE)
    connection.putrequest(request.method, request.path, skip_host=True, skip_accept_encoding=True)
    for name, value in request.headers.items():
        connection.putheader(name, "close" if name == "connection" else value)
    connection.endheaders(request.body or None)
    response = connection.getresponse()
    kind = response.headers["Content-Type"]
    body = (
        response.read1() if kind.startswith("text/event-stream") else response.read()
    )  # a stream does not end
    connection.close()
    return response.status, body, {"Content-Type": kind}


def test_a_name_that_leads_to_the_api_shows_only_the_problem(browser: Browser, api: Api) -> None:
    shown = browser.open(f"http://{EVIL}:{api.port}/docs")

    assert json.loads(shown)["code"] == "host_not_allowed"


def test_the_documentation_tries_requests_out(browser: Browser, api: Api) -> None:
    """The page's own origin may write: what Swagger UI sends is a POST with JSON."""
    browser.open(f"http://127.0.0.1:{api.port}/docs#/tasks/submitTask")
    clicks = [".opblock-post .try-out__btn", ".opblock-post .btn.execute"]
    for selector in clicks:
        button = f"document.querySelector({json.dumps(selector)})"
        wait_until(lambda button=button: browser.run(f"{button} !== null"))  # type: ignore[misc]
        browser.run(f"{button}.click()")

    wait_until(lambda: state(api)[0] == 1)
    answered = (
        'document.querySelector(".live-responses-table tbody .response-col_status")?.innerText'
    )
    assert "202" in wait_until(lambda: str(browser.run(answered) or ""))
