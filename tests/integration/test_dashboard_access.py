"""The dashboard for everyone: accessibility, keyboard, widths, themes, motion, and size."""

import re
from pathlib import Path
from typing import Any

import axe_playwright_python
import pytest
import requests
from playwright.sync_api import Browser, Page, Request, expect

from tests.integration.calls import call, final, task_of
from tests.integration.dashboard_pages import VIEWS, show
from tests.integration.playwright_browser import open_page
from tests.integration.waiting import PATIENCE

pytestmark = pytest.mark.slow

AXE = (Path(axe_playwright_python.__file__).parent / "axe.min.js").read_text()
FIRST_VIEW_BYTES = 60 * 1024
FOCUSED_NAME = """
element => element.labels?.[0]?.textContent || element.ariaLabel || element.textContent
"""
HIDDEN_ON_THE_SIDE = """
[...document.querySelectorAll(".scroll")]
  .filter(element => element.scrollWidth > element.clientWidth)
  .map(element => element.ariaLabel)
"""
"""Tables of which a part is seen only after scrolling to the side."""
MOVING = """
[...document.querySelectorAll("*")].flatMap(element => {
  const { transitionDuration, animationName } = getComputedStyle(element);
  return transitionDuration !== "0s" || animationName !== "none" ? [element.outerHTML] : [];
})
"""


def violations(page: Page) -> list[str]:
    """Return what axe-core finds: its rule, and the first element that breaks it."""
    page.evaluate(AXE)
    found: dict[str, Any] = page.evaluate("axe.run()")
    return [f"{rule['id']}: {rule['nodes'][0]['html']}" for rule in found["violations"]]


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1440])
def test_no_view_breaks_a_rule_of_accessibility_or_overflows(
    chromium: Browser, url: str, data: dict[str, str], scheme: str, width: int
) -> None:
    size = {"width": width, "height": 900}
    with open_page(chromium, f"{url}/", color_scheme=scheme, viewport=size) as page:
        tasks = [f"tasks/{data[name]}" for name in ("failed", "done", "waiting")]
        forms = [f"new?edit={data['done']}", f"new?edit={data['waiting']}", "new?type=failing"]
        for view in [*VIEWS, *tasks, *forms, "tasks?q=nothing", "callbacks?outcome=delivered"]:
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


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_what_opens_breaks_no_rule_of_accessibility(
    chromium: Browser, url: str, data: dict[str, str], scheme: str
) -> None:
    size = {"width": 390, "height": 900}
    with open_page(chromium, f"{url}/", color_scheme=scheme, viewport=size) as page:
        dialog = page.get_by_role("dialog")
        show(page, "tasks")
        page.locator(f'[data-id="{data["waiting"]}"]').get_by_role("checkbox").check()
        page.get_by_role("button", name="Cancel", exact=True).click()
        expect(dialog).to_contain_text("This will cancel 1 task.")
        assert violations(page) == []
        page.keyboard.press("Escape")
        page.get_by_text("Export and more").click()
        menu = page.locator(".menu .items").bounding_box()
        assert menu
        assert 0 <= menu["x"] <= size["width"] - menu["width"]
        assert violations(page) == []
        page.get_by_role("button", name="Columns …").click()
        expect(dialog).to_be_visible()
        assert violations(page) == []

        page.goto(f"ui/#/new?edit={data['waiting']}")
        expect(dialog).to_have_count(0)  # it does not stay over another view
        page.get_by_label("priority").fill("70")
        page.get_by_role("button", name="Save").click()
        expect(page.get_by_text("Correct the marked fields.")).to_be_visible()
        assert violations(page) == []
        page.get_by_label("priority").fill("7")
        priority = 6 if task_of(url, data["waiting"])["priority"] == 5 else 5
        call("PATCH", f"{url}/tasks/{data['waiting']}", json={"priority": priority})
        page.get_by_role("button", name="Save").click()
        expect(dialog).to_contain_text("The task has changed meanwhile")
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
            assert page.evaluate(HIDDEN_ON_THE_SIDE) == [], view


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


def test_nothing_moves_for_those_who_want_less_motion(
    chromium: Browser, url: str, data: dict[str, str]
) -> None:
    for motion in ("no-preference", "reduce"):
        with open_page(chromium, f"{url}/", reduced_motion=motion) as page:
            moving: list[str] = []
            for view in [*VIEWS, f"tasks/{data['failed']}"]:
                page.goto(f"ui/#/{view}")
                expect(page.get_by_role("heading", level=1)).to_be_visible()
                expect(page.locator("[aria-busy]")).to_have_count(0)
                moving += page.evaluate(MOVING)
            assert bool(moving) == (motion == "no-preference"), moving


def test_the_first_view_is_small_over_the_wire(
    chromium: Browser, url: str, data: dict[str, str]
) -> None:
    """All responses of a first visit count, headers and compressed bodies, but the stream."""
    with open_page(chromium, f"{url}/") as page:
        finished: list[Request] = []
        page.on("requestfinished", lambda request: finished.append(request))
        page.goto("")
        expect(page.locator(".chart")).to_have_count(4)
        sizes = {}
        for request in finished:
            size = request.sizes()
            sizes[request.url] = size["responseHeadersSize"] + size["responseBodySize"]

    loaded = {address.rpartition("/")[2] for address in sizes}
    assert {"app.js", "overview.js", "chart.js", "style.css"} <= loaded
    assert not {"new.js", "task.js", "form.js"} & loaded
    assert sum(sizes.values()) < FIRST_VIEW_BYTES, sizes


def tab_to(page: Page, name: str, *, backwards: bool = False) -> None:
    """Press Tab until the element with this name has the focus."""
    for _ in range(120):
        page.keyboard.press("Shift+Tab" if backwards else "Tab")
        focused = page.locator(":focus")
        if focused.count() and str(focused.evaluate(FOCUSED_NAME)).strip().startswith(name):
            return
    pytest.fail(f"Tab does not lead to {name}")


def press(page: Page, name: str) -> None:
    tab_to(page, name)
    page.keyboard.press("Enter")


def test_the_main_path_works_by_keyboard_alone(page: Page, url: str) -> None:
    """Submit, edit, cancel, retry, find, select and delete a task."""
    keys = page.keyboard
    show(page, "overview")
    press(page, "Skip to the content")
    expect(page.locator("main")).to_be_focused()
    keys.press("n")
    expect(page.get_by_role("heading", name="New task")).to_be_visible()
    tab_to(page, "task_name")
    keys.type("by keys")
    tab_to(page, "duration")
    keys.type("1")
    press(page, "Queue, time")
    tab_to(page, "run_at")
    keys.type("2099-01-01T00:00:00Z")
    press(page, "Submit")
    expect(page.get_by_role("heading", name="by keys")).to_be_visible()
    task = page.url.rpartition("/")[2]

    press(page, "Edit")
    expect(page.get_by_label("task_name")).to_have_value("by keys")
    tab_to(page, "task_name")
    keys.press("Control+A")
    keys.type("renamed by keys")
    press(page, "Save")
    expect(page.get_by_role("heading", name="renamed by keys")).to_be_visible()
    press(page, "Cancel")
    expect(page.get_by_role("dialog")).to_be_visible()
    press(page, "Cancel the task")
    expect(page.locator(".title .badge")).to_have_text("cancelled")
    expect(page.locator("main:focus-within, main:focus")).to_have_count(1)
    press(page, "Retry")
    expect(page.get_by_text("The task is queued again.")).to_be_visible()
    assert final(url, task)["status"] == "COMPLETED"

    keys.press("/")
    expect(page.get_by_role("searchbox", name="Search names")).to_be_focused()
    keys.type("renamed by keys")
    expect(page).to_have_url(re.compile("q=renamed"))  # the search begins when the typing ends
    expect(page.locator(".rows .row")).to_have_count(1)
    keys.press("Escape")
    keys.press("j")
    keys.press("x")
    expect(page.get_by_text("1 selected")).to_be_visible()
    tab_to(page, "Delete", backwards=True)
    keys.press("Enter")
    expect(page.get_by_role("dialog")).to_be_visible()
    press(page, "Delete 1 task")
    expect(page.get_by_text("1 task deleted.")).to_be_visible()
    assert requests.get(f"{url}/tasks/{task}", timeout=PATIENCE).status_code == 404
    expect(page.locator("main:focus-within, main:focus")).to_have_count(1)
