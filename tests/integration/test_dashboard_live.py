"""Live changes in a real browser: lists, several tabs, and connections that break."""

import os
import re
import signal
import uuid
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, Request, Route, expect

from tests.chaos.proxy import Proxy
from tests.integration.calls import call, submitted, submitted_many
from tests.integration.dashboard_pages import (
    FUTURE,
    HIDEABLE,
    TOGGLE,
    WITHOUT_SHARED_WORKER,
    open_list,
    wait_for_stream,
)
from tests.integration.local_stacks import Local
from tests.integration.playwright_browser import open_page

pytestmark = pytest.mark.slow


@pytest.fixture
def team(url: str) -> str:
    """The value of a label that only the tasks of one test have."""
    return uuid.uuid4().hex[:12]


@pytest.fixture
def alone(page: Page) -> Page:
    """A tab without SharedWorker, which may be hidden by TOGGLE. Its streams can be routed."""
    page.add_init_script(WITHOUT_SHARED_WORKER)
    page.add_init_script(HIDEABLE)
    return page


@pytest.fixture
def proxy(url: str) -> Iterator[Proxy]:
    with Proxy(int(url.rpartition(":")[2])) as proxy:
        yield proxy


def is_stream(request: Request) -> bool:
    return request.url.endswith("/events")


def rows(page: Page) -> list[str]:
    return page.locator(".rows .row .cell.task_name").all_text_contents()


def listed(url: str, team: str) -> list[str]:
    """Return the names of the tasks as the API lists them, newest first."""
    path = f"tasks?label=team:{team}&sort=-submitted_at&page_size=100"
    return [task["task_name"] for task in call("GET", f"{url}/{path}")["tasks"]]


def test_new_tasks_and_changes_appear_by_themselves_and_once(
    page: Page, url: str, team: str
) -> None:
    open_list(page, team)
    expect(page.get_by_text("No task matches these filters.")).to_be_visible()

    tasks = [submitted(url, f"task {n}", labels={"team": team}) for n in range(3)]

    for task in tasks:
        expect(page.locator(f'[data-id="{task}"] .badge')).to_have_text("completed")
    assert rows(page) == ["task 2", "task 1", "task 0"]
    expect(page.locator(".summary")).to_have_text("3 tasks")
    call("DELETE", f"{url}/tasks/{tasks[1]}")
    expect(page.locator(".rows .row")).to_have_count(2)


def test_a_task_leaves_and_enters_a_list_by_status(page: Page, url: str, team: str) -> None:
    task = submitted(url, "moves", labels={"team": team}, **FUTURE)
    open_list(page, team, "&status=SCHEDULED")
    expect(page.locator(".rows .row")).to_have_count(1)

    call("POST", f"{url}/tasks/{task}/cancel")
    expect(page.get_by_text("No task matches these filters.")).to_be_visible()
    page.get_by_role("button", name=re.compile("^cancelled")).click()
    expect(page.locator(f'[data-id="{task}"]')).to_be_visible()


def test_a_lost_connection_is_told_and_nothing_is_missed(
    page: Page, stack: Local, url: str, team: str
) -> None:
    submitted(url, "before", labels={"team": team}, **FUTURE)
    open_list(page, team)
    expect(page.locator(".rows .row")).to_have_count(1)

    os.kill(stack.pid_of("api"), signal.SIGKILL)
    expect(page.get_by_role("alert").get_by_text("Connection lost")).to_be_visible()
    assert rows(page) == ["before"]

    expect(page.get_by_text("Connection lost")).to_be_hidden()  # the stack starts it again
    submitted(url, "after", labels={"team": team}, **FUTURE)
    expect(page.locator(".rows .row")).to_have_count(2)


@pytest.mark.parametrize("view", ["tasks?label=team:{team}", "tasks/{task}"])
def test_what_changes_before_the_stream_opens_is_shown(
    alone: Page, url: str, team: str, view: str
) -> None:
    task = submitted(url, "first name", labels={"team": team}, **FUTURE)
    held: list[Route] = []
    alone.route("**/events", lambda route: held.append(route))
    alone.goto(f"ui/#/{view.format(team=team, task=task)}")
    expect(alone.get_by_text("first name").first).to_be_visible()

    call("PATCH", f"{url}/tasks/{task}", json={"task_name": "second name"})
    for stream in held:
        stream.continue_()

    expect(alone.get_by_text("second name").first).to_be_visible()


def test_tabs_show_the_same_and_share_one_stream(
    page: Page, stack: Local, url: str, team: str
) -> None:
    open_list(page, team)
    expect(page.get_by_text("No task matches these filters.")).to_be_visible()
    for _ in range(7):  # over HTTP/1.1, a browser opens six connections to a host
        open_list(page.context.new_page(), team)

    submitted(url, "for all", labels={"team": team})

    for tab in page.context.pages:
        expect(tab.get_by_role("link", name="for all")).to_be_attached()


def test_after_a_break_the_stream_resumes_with_each_change_once(
    chromium: Browser, proxy: Proxy, url: str, team: str
) -> None:
    """The list is read at the beginning only, so that all later rows come by Last-Event-ID."""
    submitted_many(url, ["before 1", "before 2"], labels={"team": team})
    gone = submitted(url, "gone", labels={"team": team}, **FUTURE)
    with open_page(chromium, f"http://127.0.0.1:{proxy.port}/") as page:
        open_list(page, team)
        expect(page.locator(".rows .row")).to_have_count(3)
        wait_for_stream(page)
        page.route("**/tasks?*", lambda route: route.abort())
        submitted(url, "by the stream", labels={"team": team}, **FUTURE)
        expect(page.get_by_role("link", name="by the stream")).to_be_visible()

        proxy.cut()
        expect(page.get_by_text("Connection lost")).to_be_visible()
        call("DELETE", f"{url}/tasks/{gone}")
        submitted_many(url, [f"meanwhile {n}" for n in range(40)], labels={"team": team})
        changed = submitted(url, "changed twice", labels={"team": team}, **FUTURE)
        call("PATCH", f"{url}/tasks/{changed}", json={"task_name": "changed"})
        call("POST", f"{url}/tasks/{changed}/cancel")
        assert len(rows(page)) == 4
        proxy.restore()

        expect(page.locator(f'[data-id="{changed}"] .badge')).to_have_text("cancelled")
        submitted(url, "after", labels={"team": team}, **FUTURE)
        expect(page.get_by_role("link", name="after", exact=True)).to_be_visible()
        expect(page.get_by_text("Connection lost")).to_be_hidden()
        assert rows(page) == listed(url, team)


def test_a_stream_that_cannot_resume_reads_the_list_again(alone: Page, url: str, team: str) -> None:
    """The service refuses the stream, and the browser gives up: what happened meanwhile is read."""
    alone.route("**/events", lambda route: route.fulfill(status=503))
    open_list(alone, team)
    expect(alone.get_by_text("Connection lost")).to_be_visible()
    expect(alone.get_by_text("No task matches these filters.")).to_be_visible()
    submitted_many(url, ["first", "second"], labels={"team": team})
    alone.unroute("**/events")

    expect(alone.locator(".rows .row")).to_have_count(2)
    expect(alone.get_by_text("Connection lost")).to_be_hidden()
    assert rows(alone) == listed(url, team)


def test_a_gap_in_the_stream_reads_the_list_again(alone: Page, url: str, team: str) -> None:
    texts = ["retry: 100\n\n"]

    def fulfill(route: Route) -> None:
        route.fulfill(content_type="text/event-stream", body=texts[-1])

    alone.route("**/events", fulfill)
    open_list(alone, team)
    expect(alone.get_by_text("No task matches these filters.")).to_be_visible()
    submitted(url, "unseen", labels={"team": team}, **FUTURE)
    texts.append("retry: 100\n\nevent: stream.gap\ndata: {}\n\n")

    expect(alone.get_by_role("link", name="unseen")).to_be_visible()


def test_without_shared_worker_each_visible_tab_has_a_stream(
    alone: Page, url: str, team: str
) -> None:
    streams: list[Request] = []
    alone.on("request", lambda each: streams.append(each) if is_stream(each) else None)
    open_list(alone, team)
    expect(alone.get_by_text("No task matches these filters.")).to_be_visible()
    assert alone.evaluate("typeof SharedWorker") == "undefined"
    submitted(url, "live", labels={"team": team}, **FUTURE)
    expect(alone.get_by_role("link", name="live")).to_be_visible()

    alone.evaluate(TOGGLE)
    submitted(url, "hidden", labels={"team": team}, **FUTURE)
    assert rows(alone) == ["live"]
    assert len(streams) == 1
    alone.evaluate(TOGGLE)
    expect(alone.get_by_role("link", name="hidden")).to_be_visible()
    submitted(url, "live again", labels={"team": team}, **FUTURE)
    expect(alone.get_by_role("link", name="live again")).to_be_visible()
    assert rows(alone) == ["live again", "hidden", "live"]
    assert len(streams) == 2


def test_changes_of_a_hidden_tab_are_shown_when_it_is_visible_again(
    page: Page, url: str, team: str
) -> None:
    page.add_init_script(HIDEABLE)
    open_list(page, team)
    expect(page.get_by_text("No task matches these filters.")).to_be_visible()
    other = page.context.new_page()
    open_list(other, team)
    page.evaluate(TOGGLE)
    submitted(url, "hidden", labels={"team": team}, **FUTURE)
    expect(other.get_by_role("link", name="hidden")).to_be_visible()
    assert rows(page) == []

    page.evaluate(TOGGLE)
    expect(page.get_by_role("link", name="hidden")).to_be_visible()


def test_a_view_that_could_not_be_read_is_read_again(page: Page, url: str) -> None:
    calls = re.compile(r"/(types|stats)$")  # the view reads both; one that arrives ends the banner
    page.route(calls, lambda route: route.abort())
    page.goto("ui/#/types")
    expect(page.get_by_text("The service does not respond. Check that it runs.")).to_be_visible()
    expect(page.get_by_text("Connection lost")).to_be_visible()
    page.unroute(calls)

    expect(page.get_by_role("heading", name="Types")).to_be_visible()
    expect(page.get_by_text("Connection lost")).to_be_hidden()
