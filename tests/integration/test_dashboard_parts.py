"""Pages in a real browser of which a part does not arrive, as when the network changes."""

import pytest
from playwright.sync_api import Page, Route, expect

from tests.integration.dashboard_pages import show
from tests.integration.local_stacks import Local
from tests.integration.waiting import wait_until

pytestmark = pytest.mark.slow

PARTS = ["app.js", "events.js", "dom.js", "theme.js", "style.css", "queues.js"]
"""The script of the page, two that it imports, two other kinds, and the script of a view."""


class Lossy:
    """Loses the first requests for a part."""

    def __init__(self, page: Page, pattern: str, count: int = 1, *, status: int = 0) -> None:
        """A `status` is sent in place of the part; without one, the connection ends."""
        self.left = count
        self._status = status
        page.route(pattern, self._take)

    def _take(self, route: Route) -> None:
        if not self.left:
            route.continue_()
            return
        self.left -= 1
        if self._status:
            route.fulfill(status=self._status)
        else:
            route.abort("connectionreset")


@pytest.mark.parametrize("part", PARTS)
def test_a_part_that_does_not_arrive_is_loaded_again(page: Page, part: str) -> None:
    lossy = Lossy(page, f"**/{part}")

    show(page, "queues")

    assert lossy.left == 0
    expect(page.get_by_role("row").filter(has_text="default")).to_be_visible()
    expect(page.locator("header")).to_have_css("display", "flex")


@pytest.mark.parametrize("part", ["app.js", "queues.js"])
def test_the_page_of_a_version_that_is_gone_loads_the_current_one(page: Page, part: str) -> None:
    Lossy(page, f"**/{part}", 2, status=404)

    show(page, "queues")


def wait_for_loads(page: Page, count: int) -> None:
    """Wait until the page has decided to load again for the given time."""
    wait_until(lambda: page.evaluate("sessionStorage.loads") == str(count))


@pytest.mark.parametrize("part", ["app.js", "queues.js"])
def test_a_part_that_never_arrives_is_asked_for_less_and_less_often(page: Page, part: str) -> None:
    Lossy(page, f"**/{part}", 1_000)
    page.clock.install(time=0)
    page.clock.pause_at(1)
    page.goto("ui/#/queues")

    for count, seconds in enumerate((0.5, 1, 2, 4, 8), start=1):
        wait_for_loads(page, count)
        page.evaluate("window.isSame = true")
        page.clock.run_for(round(seconds * 1000) - 1)
        assert page.evaluate("window.isSame")
        with page.expect_navigation():
            page.clock.run_for(1)


def test_a_page_that_waits_for_a_part_says_so_and_can_be_loaded_at_once(page: Page) -> None:
    page.clock.install(time=0)
    page.clock.pause_at(1)
    lossy = Lossy(page, "**/dialog.js", 1_000)
    page.goto("ui/")
    expect(page.get_by_text("A part of it did not arrive yet")).to_be_visible()

    lossy.left = 0
    page.get_by_role("link", name="Load it now").click()

    expect(page.get_by_role("heading", name="Overview")).to_be_visible()


def test_a_view_that_does_not_arrive_while_the_service_is_away_waits_for_it(page: Page) -> None:
    show(page, "overview")
    views = Lossy(page, "**/workers.js", 1)
    checks = Lossy(page, "**/ui/", 2)

    page.get_by_role("link", name="Workers").click()

    expect(page.get_by_text("The service does not respond.")).to_be_visible()
    expect(page.get_by_role("heading", name="Workers", exact=True)).to_be_visible()
    assert (views.left, checks.left) == (0, 1)


def test_the_documentation_loads_again(page: Page, stack: Local) -> None:
    Lossy(page, "**/swagger-ui-bundle.js")

    page.goto(f"{stack.url()}/docs")

    expect(page.get_by_text("/tasks/batch", exact=True)).to_be_visible()
