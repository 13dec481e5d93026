"""Hostile pages in a real browser, which decides what it sends and what they may read."""

import http.client
import json
from collections.abc import Iterator

import pytest

from tests.integration.browser import Browser
from tests.integration.hostile_page import EVIL, PAGE, attack, state, victims_browser
from tests.integration.processes import Api
from tests.integration.receiver import Receiver, Request, Response
from tests.integration.waiting import PATIENCE, wait_until

pytestmark = pytest.mark.slow

API_SETTINGS = {"http_workers": 1}


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    with victims_browser(tmp_path_factory.mktemp("browser")) as browser:
        yield browser


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
        "read with credentials",
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
