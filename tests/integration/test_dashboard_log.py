"""The log of a running task in a real browser: its lines arrive by a stream, each once."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, Route, expect

from tests.chaos.proxy import Proxy
from tests.integration.calls import submitted, task_of
from tests.integration.dashboard_pages import HIDEABLE, TOGGLE, WITHOUT_SHARED_WORKER
from tests.integration.playwright_browser import open_page
from tests.integration.waiting import wait_until

pytestmark = pytest.mark.slow

MAX_LOGS = 3
"""The number of logs that the worker of all tabs follows at once."""


@pytest.fixture
def proxy(url: str) -> Iterator[Proxy]:
    with Proxy(int(url.rpartition(":")[2])) as proxy:
        yield proxy


def watch(page: Page, url: str, gate: Path) -> None:
    """Open the view of a task that runs until the gate exists."""
    task = submitted(url, "watched", type="watched", payload={"gate": str(gate)})
    wait_until(lambda: task_of(url, task)["status"] == "PROCESSING")
    page.goto(f"ui/#/tasks/{task}")
    expect(page.get_by_label("Lines of the log")).to_contain_text("before the gate")


@pytest.mark.parametrize("shares", [True, False])
def test_lines_of_a_log_arrive_by_its_stream_without_polling(
    page: Page, url: str, tmp_path: Path, *, shares: bool
) -> None:
    if not shares:
        page.add_init_script(WITHOUT_SHARED_WORKER)
    polls: list[str] = []

    def refuse(route: Route) -> None:
        polls.append(route.request.url)
        route.abort()

    page.route("**/logs?*", refuse)
    watch(page, url, tmp_path / "gate")
    assert polls == []

    (tmp_path / "gate").touch()
    expect(page.get_by_label("Lines of the log")).to_contain_text("after the gate")
    expect(page.get_by_label("Lines of the log").get_by_role("listitem")).to_have_count(2)


def test_a_log_whose_stream_breaks_has_each_line_once(
    chromium: Browser, proxy: Proxy, url: str, tmp_path: Path
) -> None:
    with open_page(chromium, f"http://127.0.0.1:{proxy.port}/") as page:
        page.route("**/logs?*", lambda route: route.abort())
        watch(page, url, tmp_path / "gate")
        proxy.cut()
        expect(page.get_by_text("Connection lost")).to_be_visible()
        proxy.restore()
        expect(page.get_by_text("Connection lost")).to_be_hidden()

        (tmp_path / "gate").touch()
        lines = page.get_by_label("Lines of the log")
        expect(lines).to_contain_text("after the gate")
        expect(lines.get_by_role("listitem")).to_have_count(2)


def test_a_log_has_each_line_once_after_its_tab_was_hidden(
    page: Page, url: str, tmp_path: Path
) -> None:
    """A visible tab gets all stored lines again."""
    page.add_init_script(HIDEABLE)
    watch(page, url, tmp_path / "gate")
    page.evaluate(TOGGLE)
    page.evaluate(TOGGLE)
    (tmp_path / "gate").touch()

    lines = page.get_by_label("Lines of the log")
    expect(lines).to_contain_text("after the gate")
    expect(lines.get_by_role("listitem")).to_have_count(2)


def test_more_logs_than_streams_are_read_again_and_again(
    page: Page, url: str, tmp_path: Path
) -> None:
    """All tabs show one task, because two run at once."""
    task = submitted(url, "watched", type="watched", payload={"gate": str(tmp_path / "gate")})
    tabs = [page, *(page.context.new_page() for _ in range(MAX_LOGS))]
    for tab in tabs:
        tab.goto(f"ui/#/tasks/{task}")
        expect(tab.get_by_label("Lines of the log")).to_contain_text("before the gate")
    (tmp_path / "gate").touch()

    for tab in tabs:
        expect(tab.get_by_label("Lines of the log")).to_contain_text("after the gate")
        expect(tab.locator(".title .badge")).to_have_text("completed")
