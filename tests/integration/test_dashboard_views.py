"""All views of the dashboard in a real browser: actions, empty states, accessibility, widths."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import axe_playwright_python
import pytest
import requests
from playwright.sync_api import Browser, Page, expect

from tests.integration.calls import call, final, submitted, submitted_many
from tests.integration.local_stacks import Local
from tests.integration.playwright_browser import open_page
from tests.integration.receiver import Receiver, Request, Response
from tests.integration.waiting import PATIENCE

AXE = (Path(axe_playwright_python.__file__).parent / "axe.min.js").read_text()
VIEWS = ["overview", "tasks", "queues", "workers", "types", "callbacks", "new"]
HEADINGS = {view: view.capitalize() for view in VIEWS} | {"new": "New task"}
LONG = "x" * 200
PREFIX = "/tasks-of-the-team"


@pytest.fixture(scope="module")
def url(stack: Local) -> str:
    return stack.url()


@pytest.fixture(scope="module")
def known() -> dict[str, str]:
    return {}


@pytest.fixture
def data(url: str, known: dict[str, str]) -> dict[str, str]:
    """Submit tasks of every kind, unless they are there. Returns ids by what they show."""
    if known and requests.get(f"{url}/tasks/{known['done']}", timeout=PATIENCE).ok:
        return known
    submitted_many(url, [LONG, "scheduled"], labels={"a" * 60: "b" * 200, "team": "all"})
    failed = submitted(url, "failed", type="failing", payload={"reason": LONG})
    final(url, failed)
    known |= {"failed": failed, "done": final(url, submitted(url, "done"))["task_id"]}
    return known


def show(page: Page, view: str) -> None:
    page.goto(f"ui/#/{view}")
    expect(page.get_by_role("heading", name=HEADINGS[view], exact=True)).to_be_visible()


def violations(page: Page) -> list[str]:
    """Return what axe-core finds: its rule, and the first element that breaks it."""
    page.evaluate(AXE)
    found: dict[str, Any] = page.evaluate("axe.run()")
    return [f"{rule['id']}: {rule['nodes'][0]['html']}" for rule in found["violations"]]


def test_without_tasks_each_view_shows_the_command_to_begin_with(page: Page, url: str) -> None:
    call("POST", f"{url}/tasks/actions", json={"action": "delete", "filter": {}})
    show(page, "tasks")
    command = page.locator(".command code").inner_text()
    assert command.startswith("curl ")
    assert f"{url}/tasks" in command
    page.get_by_role("button", name="Copy").click()
    expect(page.get_by_text("Copied the command.")).to_be_visible()
    show(page, "callbacks")
    expect(page.get_by_text("No callback was sent yet.")).to_be_visible()
    show(page, "overview")
    expect(page.get_by_text("There are no tasks yet.")).to_be_visible()


def test_a_queue_is_paused_resumed_and_removed(page: Page, url: str) -> None:
    task = submitted(url, "in the way", queue="letters")
    show(page, "queues")
    row = page.get_by_role("row").filter(has_text="letters")
    row.get_by_role("button", name="Pause").click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("1 waiting task and later ones will not start")
    dialog.get_by_role("button", name="Pause the queue").click()
    expect(row.locator(".badge")).to_have_text("paused")
    assert "letters" in {q["name"] for q in call("GET", f"{url}/queues")["queues"] if q["paused"]}

    row.get_by_role("button", name="Remove").click()
    dialog.get_by_role("button", name="Remove the queue").click()
    expect(page.locator("#messages .error")).to_contain_text("letters")
    row.get_by_role("button", name="Resume").click()
    expect(row.locator(".badge")).not_to_have_text("paused")
    call("DELETE", f"{url}/tasks/{task}")
    row.get_by_role("button", name="Remove").click()
    dialog.get_by_role("button", name="Remove the queue").click()
    expect(row).to_have_count(0)


def test_workers_types_and_the_overview_show_what_is_there(
    page: Page, url: str, data: dict[str, str]
) -> None:
    show(page, "workers")
    expect(page.locator("tbody tr")).to_have_count(1)
    expect(page.locator("tbody tr")).to_contain_text("of 2")
    show(page, "types")
    card = page.locator(".card").filter(has_text="Fail with the reason.")
    card.get_by_role("link", name="New task").click()
    expect(page.get_by_label("reason")).to_be_visible()

    task = submitted(url, "waits", queue="letters")
    show(page, "overview")
    attention = page.get_by_role("link", name="No worker serves the queue letters")
    expect(attention).to_be_visible()
    expect(page.get_by_role("img", name=re.compile("^Ended per minute"))).to_be_visible()
    page.get_by_role("button", name="24 hours").click()
    expect(page.get_by_role("img", name=re.compile("^Ended per hour"))).to_be_visible()
    assert "span=24h" in page.url
    page.get_by_text("As a table").first.click()
    expect(page.get_by_role("region", name="Ended per hour as a table")).to_be_visible()
    attention.click()
    expect(page.locator(f'[data-id="{task}"]')).to_be_visible()
    call("DELETE", f"{url}/tasks/{task}")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1440])
def test_no_view_breaks_a_rule_of_accessibility_or_overflows(
    chromium: Browser, url: str, data: dict[str, str], scheme: str, width: int
) -> None:
    size = {"width": width, "height": 900}
    with open_page(chromium, f"{url}/", color_scheme=scheme, viewport=size) as page:
        for view in [*VIEWS, f"tasks/{data['failed']}", f"new?edit={data['done']}"]:
            page.goto(f"ui/#/{view}")
            expect(page.get_by_role("heading", level=1)).to_be_visible()
            if view == "tasks":
                page.get_by_label("Select every row of this page").check()
            page.get_by_role("heading", level=1).wait_for()
            expect(page.locator("[aria-busy]")).to_have_count(0)
            assert violations(page) == [], view
            wide = page.evaluate("document.documentElement.scrollWidth")
            assert wide <= width, f"{view} is {wide} px wide"
        page.keyboard.press("?")
        assert violations(page) == []


@pytest.mark.parametrize("width", [360, 3840])
def test_views_fit_a_small_phone_and_a_large_screen(
    chromium: Browser, url: str, data: dict[str, str], width: int
) -> None:
    with open_page(chromium, f"{url}/", viewport={"width": width, "height": 900}) as page:
        for view in VIEWS:
            show(page, view)
            expect(page.locator("[aria-busy]")).to_have_count(0)
            wide = page.evaluate("document.documentElement.scrollWidth")
            assert wide <= width, f"{view} is {wide} px wide"


def test_the_theme_is_the_systems_or_the_chosen_one(chromium: Browser, url: str) -> None:
    background = "getComputedStyle(document.body).backgroundColor"
    with open_page(chromium, f"{url}/", color_scheme="dark") as page:
        show(page, "types")
        dark = page.evaluate(background)
        page.get_by_label("Theme").select_option("light")
        light = page.evaluate(background)
        page.reload()
        expect(page.get_by_label("Theme")).to_have_value("light")
        assert page.evaluate(background) == light != dark
        page.get_by_label("Theme").select_option("system")
        assert page.evaluate(background) == dark


@pytest.fixture
def prefixed(url: str) -> Iterator[str]:
    """A proxy that serves the API below a path and passes requests on without it."""

    def forward(request: Request) -> Response:
        if not request.path.startswith(PREFIX):
            return Response(404)
        headers = {"Accept": request.headers.get("accept", "*/*"), "Accept-Encoding": "identity"}
        path = request.path.removeprefix(PREFIX)
        if path.startswith("/events"):
            return Response(503)  # this proxy has no streams
        response = requests.request(
            request.method,
            f"{url}{path}",
            headers=headers,
            data=request.body,
            timeout=PATIENCE,
            allow_redirects=False,
        )
        names = ("Content-Type", "Location", "Content-Security-Policy")
        kept = {name: response.headers[name] for name in names if name in response.headers}
        return Response(response.status_code, response.content, kept)

    with Receiver(respond=forward) as proxy:
        yield f"http://127.0.0.1:{proxy.port}{PREFIX}/"


def test_the_dashboard_works_under_a_path_prefix(
    chromium: Browser, prefixed: str, data: dict[str, str]
) -> None:
    with open_page(chromium, prefixed) as page:
        page.goto("")
        expect(page).to_have_url(re.compile(f"{PREFIX}/ui/"))
        page.get_by_role("link", name="Tasks", exact=True).click()
        page.get_by_role("link", name="done", exact=True).click()
        expect(page.get_by_role("heading", name="done")).to_be_visible()
        expect(page.get_by_text("Connection lost")).to_be_visible()  # no stream, and it is told
        page.get_by_role("link", name="API", exact=True).click()
        expect(page).to_have_url(re.compile(f"{PREFIX}/docs"))
