"""Hostile pages in the browser of somebody who is signed in to a service with keys."""

import json
from collections.abc import Iterator

import pytest

from tests.integration.browser import Browser
from tests.integration.hostile_page import EVIL, PAGE, attack, state, victims_browser
from tests.integration.keyed import a_token, bearer
from tests.integration.processes import Api
from tests.integration.receiver import Receiver

pytestmark = pytest.mark.slow

API_SETTINGS = {"auth": "keys", "http_workers": 1}
SIGN_IN = """
fetch("/session", {method: "POST", headers: {Authorization: "Bearer %s"}})
  .then(response => response.status)
"""
NUMBER_OF_TASKS = """
fetch("/tasks").then(response => response.json()).then(page => page.pagination.total_tasks)
"""
PAUSE = 'fetch("/queues/default/pause", {method: "POST"}).then(response => response.status)'


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    with victims_browser(tmp_path_factory.mktemp("browser")) as browser:
        yield browser


@pytest.mark.parametrize("host", [EVIL, "localhost", "127.0.0.1"])
def test_a_page_of_another_origin_does_nothing_with_the_session_of_its_visitor(
    browser: Browser, api: Api, receiver: Receiver, redis_url: str, host: str
) -> None:
    """To a page of 127.0.0.1 with another port the browser gives the cookie: it is one site."""
    token = a_token(redis_url, "operator")
    body = {"task_name": "secret", "duration": 1}
    submitted = api.request("POST", "/tasks", json=body, headers=bearer(token))
    own = f"http://127.0.0.1:{api.port}"
    browser.open(f"{own}/ui/")
    assert browser.run(SIGN_IN % token) == 201
    assert browser.run(NUMBER_OF_TASKS) == 1
    receiver.responses = [PAGE]
    browser.open(f"http://{host}:{receiver.port}/")

    seen = attack(browser, own, submitted.json()["task_id"])

    assert state(api, bearer(token)) == (1, False), seen
    assert "secret" not in json.dumps(seen)
    assert "TypeError" in seen["read with credentials"]
    assert seen["event stream"] == seen["event stream with credentials"] == "refused"
    browser.open(f"{own}/ui/")
    assert browser.run(PAUSE) == 200  # the session lives, and its own page may write
