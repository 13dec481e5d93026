"""The dashboard makes, previews, edits, runs, pauses and deletes schedules."""

import json
import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.integration.calls import call
from tests.integration.dashboard_pages import show

pytestmark = pytest.mark.slow

A_TASK = {"task_name": "tick", "duration": 1, "queue": "unserved"}


@pytest.fixture
def no_schedules(url: str) -> Iterator[None]:
    yield
    for schedule in call("GET", f"{url}/schedules")["schedules"]:
        call("DELETE", f"{url}/schedules/{schedule['name']}")


def body(**members: object) -> str:
    return json.dumps({**members, "task": A_TASK})


def row_of(page: Page, name: str) -> Locator:
    return page.get_by_role("row").filter(has_text=name)


@pytest.mark.usefixtures("no_schedules")
def test_a_schedule_is_made_with_a_preview_and_edited(page: Page, url: str) -> None:
    show(page, "schedules")
    expect(page.get_by_text("There are no schedules here.")).to_be_visible()
    page.get_by_role("button", name="New schedule").click()
    dialog = page.get_by_role("dialog")
    text = dialog.get_by_label("Schedule as JSON")
    dialog.get_by_label("Name").fill("nightly")
    text.fill(body(cron="61 * * * *"))
    dialog.get_by_role("button", name="Preview").click()
    expect(dialog.get_by_text("Bad minute")).to_be_visible()
    dialog.get_by_role("button", name="Save the schedule").click()
    expect(dialog.get_by_role("alert")).to_contain_text("/cron Bad minute")
    text.fill(body(cron="30 2 * * *", jitter=12345678901234567))
    dialog.get_by_role("button", name="Preview").click()
    expect(dialog.get_by_role("listitem")).to_have_count(10)
    text.fill(body(cron="30 2 * * *"))
    dialog.get_by_role("button", name="Save the schedule").click()

    row = row_of(page, "nightly")
    expect(row).to_contain_text("30 2 * * *")
    row.get_by_role("button", name="Edit").click()
    expect(text).to_have_value(re.compile('"cron": "30 2'))
    stored = call("GET", f"{url}/schedules/nightly")
    call("PATCH", f"{url}/schedules/nightly", json={"jitter": 5})
    text.fill(body(every=3600))
    dialog.get_by_role("button", name="Save the schedule").click()
    expect(dialog.get_by_role("alert")).to_contain_text("now has version 2")
    dialog.get_by_role("button", name="Keep as it is").click()
    row.get_by_role("button", name="Edit").click()
    text.fill(body(every=3600))
    dialog.get_by_role("button", name="Save the schedule").click()
    expect(row).to_contain_text("every 1 h")
    assert call("GET", f"{url}/schedules/nightly")["version"] == stored["version"] + 2


@pytest.mark.usefixtures("no_schedules")
def test_a_schedule_is_run_paused_resumed_and_deleted(page: Page, url: str) -> None:
    call("PUT", f"{url}/schedules/hourly", json={"every": 3600, "task": A_TASK})
    show(page, "schedules")
    row, dialog = row_of(page, "hourly"), page.get_by_role("dialog")

    row.get_by_role("button", name="Run now").click()
    dialog.get_by_role("button", name="Submit the task").click()
    expect(row.locator(".badge")).to_have_text("queued")
    row.get_by_role("button", name="Pause").click()
    dialog.get_by_role("button", name="Pause the schedule").click()
    expect(row.get_by_text("paused", exact=True)).to_be_visible()
    row.get_by_role("button", name="Resume").click()
    expect(row.get_by_text("paused", exact=True)).to_have_count(0)
    row.get_by_role("link", name="hourly").click()
    page.get_by_role("link", name="tick").first.click()
    expect(page.get_by_role("link", name="hourly", exact=True)).to_be_visible()
    show(page, "schedules")
    row.get_by_role("button", name="Delete").click()
    dialog.get_by_role("button", name="Delete the schedule").click()
    expect(row).to_have_count(0)
