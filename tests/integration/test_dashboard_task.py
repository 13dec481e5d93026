"""One task in a real browser: its data and log, and what can be done with it."""

import re
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.integration.calls import final, submitted, task_of
from tests.integration.receiver import Receiver

pytestmark = pytest.mark.slow


def test_a_running_task_is_followed_to_its_end(page: Page, url: str, tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    task = submitted(url, "followed", type="watched", payload={"gate": str(gate)})
    page.goto(f"ui/#/tasks/{task}")

    expect(page.get_by_text("Running: attempt 1 of 1")).to_be_visible()
    expect(page.get_by_text("50 % · half of it")).to_be_visible()
    log = page.get_by_label("Lines of the log")
    expect(log).to_contain_text("before the gate <b>bold</b>")
    expect(page.get_by_role("row").filter(has_text="running")).to_be_visible()

    gate.touch()
    expect(page.locator(".title .badge")).to_have_text("completed")
    expect(log).to_contain_text("after the gate")
    result = page.locator("section.viewer").filter(has_text="Result")
    expect(result).to_contain_text('"large": 12345678901234567890123')
    result.get_by_role("searchbox").fill("ONERROR")
    expect(result.locator("mark")).to_have_text("onerror")
    page.get_by_role("searchbox", name="Find in the log").fill("after")
    expect(log.get_by_role("listitem")).to_have_count(1)


def test_a_waiting_task_says_what_it_waits_for(page: Page, url: str) -> None:
    first = submitted(url, "nobody serves it", queue="unserved")
    second = submitted(url, "behind", queue="unserved")
    page.goto(f"ui/#/tasks/{second}")
    expect(page.get_by_text("Waiting: 2nd in queue unserved. No worker serves")).to_be_visible()

    page.get_by_role("button", name="Cancel").click()
    page.get_by_role("dialog").get_by_role("button", name="Cancel the task").click()
    expect(page.get_by_text("Cancelled", exact=False).first).to_be_visible()
    assert final(url, second)["status"] == "CANCELLED"
    assert task_of(url, first)["status"] == "QUEUED"


def test_a_failed_task_shows_why_and_is_retried_and_deleted(page: Page, url: str) -> None:
    retry = {"max_attempts": 2, "initial_delay": 0.1}
    task = submitted(url, "fails", type="failing", payload={"reason": "no ink"}, retry=retry)
    final(url, task)
    page.goto(f"ui/#/tasks/{task}")

    expect(page.locator(".failure")).to_contain_text("handler_error ValueError: no ink 0")
    expect(page.get_by_text("Failed after 2 attempts")).to_be_visible()
    expect(page.locator(".timeline tbody tr")).to_have_count(2)
    expect(page.locator(".timeline .span.backed").first).to_be_visible()
    version = task_of(url, task)["version"]
    page.get_by_role("button", name="Retry").click()
    expect(page.get_by_text("The task is queued again.")).to_be_visible()
    assert final(url, task)["version"] > version

    page.get_by_role("button", name="Delete").click()
    page.get_by_role("dialog").get_by_role("button", name="Delete the task").click()
    expect(page).to_have_url(re.compile(r"#/tasks$"))
    page.goto(f"ui/#/tasks/{task}")
    expect(page.get_by_text("There is no task with this id.")).to_be_visible()


def test_a_callback_is_shown_and_sent_again(page: Page, url: str, receiver: Receiver) -> None:
    task = submitted(url, "calls back", callback_url=f"http://127.0.0.1:{receiver.port}/hook")
    page.goto(f"ui/#/tasks/{task}")
    deliveries = page.get_by_role("region", name="Deliveries").locator("tbody tr")
    expect(deliveries).to_have_count(1)
    expect(deliveries.first).to_contain_text("delivered")

    deliveries.first.get_by_role("button").click()
    expect(page.get_by_text("The callback is sent again.")).to_be_visible()
    page.goto("ui/#/callbacks")
    expect(page.locator("tbody tr").filter(has_text=task[-12:])).to_have_count(2)


def test_the_history_says_who_changed_a_task(page: Page, url: str) -> None:
    task = submitted(url, "changed", queue="unserved")
    page.goto(f"ui/#/tasks/{task}")
    rows = page.get_by_role("region", name="History").locator("tbody tr")
    expect(rows).to_have_count(1)

    page.get_by_role("button", name="Cancel").click()
    page.get_by_role("dialog").get_by_role("button", name="Cancel the task").click()

    expect(rows).to_have_count(2)
    expect(rows.first).to_contain_text("task.cancelled")
    expect(rows.first).to_contain_text("anonymous 127.0.0.1")
    expect(rows.first).to_contain_text("status: QUEUED → CANCELLED")
