"""The form of a task in a real browser: submit, duplicate and edit, also without the service."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
from playwright.sync_api import Page, Route, expect

from tests.integration.calls import call, final, submitted, task_of
from tests.integration.dashboard_pages import FUTURE

pytestmark = pytest.mark.slow


def id_of(page: Page) -> str:
    """Return the id of the task whose view is open."""
    return page.url.rpartition("/")[2]


def fill_in(page: Page, name: str) -> None:
    """Open the form for a task of one second."""
    page.goto("ui/#/new")
    page.get_by_label("task_name").fill(name)
    page.get_by_label("duration").fill("1")


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


def test_new_task_leaves_the_task_that_was_edited(page: Page, url: str) -> None:
    task = submitted(url, "edited before", **FUTURE)
    page.goto(f"ui/#/new?edit={task}")
    expect(page.get_by_role("heading", name="Edit task")).to_be_visible()
    page.get_by_role("link", name="New task").click()

    expect(page.get_by_role("heading", name="New task")).to_be_visible()
    expect(page.get_by_label("task_name")).to_have_value("")
    page.go_back()
    expect(page.get_by_label("task_name")).to_have_value("edited before")


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
    copied = id_of(page)
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
    expect(page.get_by_label("Python")).to_contain_text("client.submit(")
    page.get_by_role("button", name="Submit").click()

    expect(page.get_by_role("heading", name="by form")).to_be_visible()
    stored = task_of(url, id_of(page))
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
    assert task_of(url, id_of(page))["labels"] == {"a": "b"}


def test_the_form_is_kept_while_the_service_is_away(page: Page, url: str) -> None:
    fill_in(page, "kept in the form")
    page.route(f"{url}/tasks", lambda route: route.abort("connectionrefused"))
    page.get_by_role("button", name="Submit").click()
    problems = page.locator(".problems")
    expect(problems).to_contain_text("The service does not respond. Check that it runs.")
    expect(problems).to_contain_text("Submit again when it responds: only one task is made.")
    expect(problems).to_be_focused()
    expect(page.get_by_label("task_name")).to_have_value("kept in the form")

    page.unroute(f"{url}/tasks")
    page.get_by_role("button", name="Submit").click()
    expect(page.get_by_role("heading", name="kept in the form")).to_be_visible()


def test_a_task_whose_response_was_lost_is_not_made_twice(page: Page, url: str) -> None:
    def lose_response(route: Route) -> None:
        route.fetch()
        route.abort("connectionreset")

    fill_in(page, "only once")
    page.route(f"{url}/tasks", lose_response, times=1)
    page.get_by_role("button", name="Submit").click()
    expect(page.locator(".problems")).to_contain_text("The service does not respond.")
    page.get_by_role("button", name="Submit").click()

    expect(page.get_by_role("heading", name="only once")).to_be_visible()
    listed = call("GET", f"{url}/tasks?task_name=only+once")["tasks"]
    assert [task["task_id"] for task in listed] == [id_of(page)]


def test_a_member_that_no_form_knows_is_sent_and_refused(page: Page, url: str) -> None:
    page.goto("ui/#/new")
    body = '{"type": "sleep", "task_name": "misspelt", "duration": 1, "prioritty": 3}'
    page.get_by_label("The body as JSON").fill(body)
    page.get_by_role("button", name="Submit").click()

    expect(page.locator(".problems")).to_contain_text("/prioritty")


def run_shown_program(page: Page, folder: Path) -> str:
    """Run the program of the view as it is shown. Returns what it prints."""
    program = folder / "shown.py"
    program.write_text(page.get_by_label("Python", exact=True).inner_text())
    done = subprocess.run(
        [sys.executable, program], capture_output=True, text=True, check=False, cwd=folder
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_shown_program_submits_the_task(page: Page, url: str, tmp_path: Path) -> None:
    payload = {"reason": 'a "quoted" \\ line\nand é', "number": 12345678901234567890123}
    labels = {"team": "a", "none": "null", "yes": "true"}
    task = submitted(
        url, 'the "original"', type="failing", payload=payload, labels=labels, priority=3
    )
    page.goto(f"ui/#/new?from={task}")
    expect(page.get_by_label("Python", exact=True)).to_contain_text("client.submit(")

    made = task_of(url, run_shown_program(page, tmp_path).split()[0])

    assert made["task_id"] != task
    for member in ("task_name", "payload", "labels", "priority", "retry", "queue", "timeout"):
        assert made.get(member) == task_of(url, task).get(member), member


@pytest.mark.parametrize("is_final", [False, True])
def test_the_shown_program_saves_the_edit(
    page: Page, url: str, tmp_path: Path, *, is_final: bool
) -> None:
    task = submitted(url, "old", **({} if is_final else FUTURE))
    if is_final:
        final(url, task)
    page.goto(f"ui/#/new?edit={task}")
    page.get_by_label("task_name").fill("new")
    method = "client.update(" if is_final else "client.replace("
    expect(page.get_by_label("Python", exact=True)).to_contain_text(method)

    assert run_shown_program(page, tmp_path).split()[0] == task
    assert task_of(url, task)["task_name"] == "new"


def test_the_shown_command_submits_the_task(page: Page, url: str, tmp_path: Path) -> None:
    fill_in(page, 'it\'s a "name"')
    command = page.get_by_label("curl", exact=True).inner_text()
    done = subprocess.run(["sh", "-c", command], capture_output=True, check=True, cwd=tmp_path)

    assert b"task_id" in done.stdout
    assert len(call("GET", f"{url}/tasks?task_name=it%27s+a+%22name%22")["tasks"]) == 1
