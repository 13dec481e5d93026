"""All views of the dashboard in a real browser: what they show and do, also without any data."""

import re
from collections.abc import Iterator

import pytest
import requests
from playwright.sync_api import Browser, Page, Route, expect

from tests.integration.calls import call, submitted
from tests.integration.dashboard_pages import show
from tests.integration.playwright_browser import open_page
from tests.integration.receiver import Receiver, Request, Response
from tests.integration.waiting import PATIENCE

pytestmark = pytest.mark.slow

PREFIX = "/tasks-of-the-team"


def test_a_full_store_a_failing_type_and_waiting_tasks_need_attention(
    page: Page, url: str, data: dict[str, str]
) -> None:
    def fill(route: Route) -> None:
        response = route.fetch()
        store = {"used_memory": used[0], "max_memory": 100, "is_full": used[0] >= 85}
        route.fulfill(response=response, json={**response.json(), "store": store})

    used = [80]
    page.route("**/stats", fill)
    show(page, "overview")
    needs = page.locator(".attention")
    expect(needs).to_contain_text("Redis uses 80 % of its memory. New tasks are refused from 85 %.")
    used[0] = 90
    expect(needs).to_contain_text("The store is full, so new tasks are refused.")

    failing = re.compile(r"\d+ of \d+ tasks? of the type failing failed in the last hour")
    needs.get_by_role("link", name=failing).click()
    expect(page.locator(f'[data-id="{data["failed"]}"]')).to_be_visible()
    assert "type=failing&status=FAILED" in page.url


def test_a_view_that_is_read_again_keeps_the_focus(page: Page, url: str) -> None:
    show(page, "queues")
    row = page.get_by_role("row").filter(has_text="default")
    row.get_by_role("button", name="Pause").focus()
    task = submitted(url, "renews the view", run_at="2099-01-01T00:00:00Z", queue="renewed")
    expect(page.get_by_role("row").filter(has_text="renewed")).to_be_visible()
    expect(row.get_by_role("button", name="Pause")).to_be_focused()

    page.keyboard.press("Enter")
    expect(page.get_by_role("dialog")).to_be_visible()
    other = submitted(url, "renews it", run_at="2099-01-01T00:00:00Z", queue="under-the-dialog")
    expect(page.locator("tr").filter(has_text="under-the-dialog")).to_be_attached()
    page.keyboard.press("Escape")
    expect(row.get_by_role("button", name="Pause")).to_be_focused()
    page.keyboard.press("Enter")
    page.get_by_role("dialog").get_by_role("button", name="Pause the queue").press("Enter")
    expect(row.locator(".badge")).to_have_text("paused")
    expect(row.get_by_role("link", name="default")).to_be_focused()  # no button by mistake
    row.get_by_role("button", name="Resume").press("Enter")
    expect(row.locator(".badge")).to_have_text("open")
    for each in (task, other):
        call("DELETE", f"{url}/tasks/{each}")


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
