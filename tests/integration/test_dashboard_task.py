"""One task in a real browser: its data and log, and what can be done with it."""

import re
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.integration.calls import call, final, submitted, task_of
from tests.integration.local_stacks import Local
from tests.integration.receiver import Receiver

FUTURE = {"run_at": "2099-01-01T00:00:00Z"}


@pytest.fixture
def url(stack: Local) -> str:
    return stack.url()


def test_a_running_task_is_followed_to_its_end(page: Page, url: str, tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    task = submitted(url, "followed", type="watched", payload={"gate": str(gate)})
    page.goto(f"ui/#/tasks/{task}")

    expect(page.get_by_text("Running: attempt 1 of 1")).to_be_visible()
    expect(page.get_by_text("50 % half of it")).to_be_visible()
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


def test_an_edit_that_conflicts_shows_both_and_overwrites_nothing_unasked(
    page: Page, url: str
) -> None:
    task = submitted(url, "old name", labels={"team": "a"}, priority=3, **FUTURE)
    page.goto(f"ui/#/tasks/{task}")
    page.get_by_role("link", name="Edit").click()
    page.get_by_label("task_name").fill("mine")
    page.get_by_label("priority").fill("7")
    call("PATCH", f"{url}/tasks/{task}", json={"task_name": "theirs"})

    page.get_by_role("button", name="Save").click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("The task has changed meanwhile")
    expect(dialog.get_by_role("row").filter(has_text="task_name")).to_contain_text("theirs")
    assert task_of(url, task)["task_name"] == "theirs"
    dialog.get_by_role("button", name="Save mine over it").click()

    expect(page.get_by_role("heading", name="mine")).to_be_visible()
    stored = task_of(url, task)
    assert (stored["task_name"], stored["priority"], stored["labels"]) == ("mine", 7, {"team": "a"})


def test_an_ended_task_can_change_its_name_and_labels_only(page: Page, url: str) -> None:
    task = final(url, submitted(url, "ended"))["task_id"]
    page.goto(f"ui/#/new?edit={task}")
    expect(page.get_by_label("priority")).to_have_count(0)

    page.get_by_label("task_name").fill("renamed")
    page.get_by_role("button", name="Save").click()

    expect(page.get_by_role("heading", name="renamed")).to_be_visible()
    assert task_of(url, task)["task_name"] == "renamed"


def test_a_duplicate_keeps_large_numbers(page: Page, url: str) -> None:
    payload = {"reason": "twice", "number": 12345678901234567890123}
    task = submitted(url, "original", type="failing", payload=payload, **FUTURE)
    page.goto(f"ui/#/tasks/{task}")
    page.get_by_role("link", name="Duplicate").click()
    expect(page.get_by_label("number")).to_have_value("12345678901234567890123")
    page.get_by_label("task_name").fill("copy")
    page.get_by_role("button", name="Submit").click()

    expect(page.get_by_role("heading", name="copy")).to_be_visible()
    copied = page.url.rpartition("/")[2]
    assert copied != task
    assert task_of(url, copied)["payload"] == payload


def test_a_task_is_submitted_by_the_form_of_its_type(page: Page, url: str) -> None:
    page.goto("ui/#/new")
    page.get_by_label("type").select_option("failing")
    page.get_by_role("button", name="Submit").click()
    expect(page.get_by_text("Correct the marked fields.")).to_be_visible()
    name = page.get_by_label("task_name")
    expect(name).to_have_attribute("aria-invalid", "true")
    expect(name).to_be_focused()
    reason = page.locator('[data-pointer="/payload/reason"]')
    expect(reason).to_contain_text("Field required")

    name.fill("by form")
    reason.get_by_role("textbox").fill('a "quoted" reason')
    page.get_by_label("number").fill("many")
    page.get_by_role("button", name="Submit").click()
    expect(page.locator('[data-pointer="/payload/number"] .error')).not_to_be_empty()
    page.get_by_label("number").fill("7")
    body = page.get_by_label("The body as JSON")
    expect(body).to_have_value(re.compile('"number": 7'))
    expect(page.get_by_label("curl")).to_contain_text('"reason": "a \\"quoted\\" reason"')
    expect(page.get_by_label("Python")).to_contain_text("requests.post(")
    page.get_by_role("button", name="Submit").click()

    expect(page.get_by_role("heading", name="by form")).to_be_visible()
    stored = task_of(url, page.url.rpartition("/")[2])
    assert stored["payload"] == {"reason": 'a "quoted" reason', "number": 7}


def test_the_json_beside_the_form_fills_it(page: Page, url: str) -> None:
    page.goto("ui/#/new")
    body = page.get_by_label("The body as JSON")
    body.fill("{not json")
    expect(page.locator(".beside .error")).not_to_be_empty()
    body.fill('{"type": "sleep", "task_name": "by JSON", "duration": 1, "labels": {"a": "b"}}')
    expect(page.get_by_label("task_name")).to_have_value("by JSON")
    page.get_by_role("button", name="Submit").click()

    expect(page.get_by_role("heading", name="by JSON")).to_be_visible()
    assert task_of(url, page.url.rpartition("/")[2])["labels"] == {"a": "b"}


@pytest.mark.parametrize("keys", [["n"]])
def test_a_task_is_submitted_by_keyboard_alone(page: Page, url: str, keys: list[str]) -> None:
    page.goto("ui/")
    expect(page.get_by_role("heading", name="Overview")).to_be_visible()
    for key in keys:
        page.keyboard.press(key)
    name = page.get_by_label("task_name")
    expect(name).to_be_visible()
    page.get_by_label("type").focus()
    page.keyboard.press("Tab")
    expect(name).to_be_focused()
    page.keyboard.type("typed")
    page.keyboard.press("Tab")
    page.keyboard.type("1")
    page.keyboard.press("Enter")

    expect(page.get_by_role("heading", name="typed")).to_be_visible()


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
