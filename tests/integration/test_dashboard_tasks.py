"""The list of tasks in a real browser: filters, live changes, bulk actions, export, keys."""

import json
import re
import uuid
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.integration.calls import call, final, submitted, submitted_many
from tests.integration.dashboard_pages import FUTURE, open_list
from tests.integration.playwright_browser import open_page

pytestmark = pytest.mark.slow

MARKUP = "<img src=x onerror=alert(1)><script>alert(1)</script>\"'>"


@pytest.fixture
def team(url: str) -> str:
    """The value of a label that only the tasks of one test have."""
    return uuid.uuid4().hex[:12]


def test_the_root_leads_to_the_overview_and_from_there_to_a_task(
    page: Page, url: str, team: str
) -> None:
    submitted(url, f"first of {team}", labels={"team": team})
    page.goto("")

    expect(page).to_have_url(re.compile(r"/ui/"))
    page.get_by_role("link", name="Tasks", exact=True).click()
    page.get_by_role("link", name=f"first of {team}").click()

    expect(page.get_by_role("heading", name=f"first of {team}")).to_be_visible()
    expect(page).to_have_title(f"first of {team} · Task Manager")


def test_filters_are_in_the_address_which_can_be_sent_on(
    page: Page, chromium: Browser, url: str, team: str
) -> None:
    waiting = submitted(url, "waits", labels={"team": team}, **FUTURE)
    final(url, submitted(url, "needle in its name", labels={"team": team}))
    open_list(page, team)
    expect(page.locator(".rows .row")).to_have_count(2)

    page.get_by_role("button", name=re.compile("^scheduled")).click()
    expect(page.locator(".rows .row")).to_have_count(1)
    expect(page.locator(f'[data-id="{waiting}"]')).to_be_visible()
    page.get_by_role("button", name=re.compile("^scheduled")).click()
    page.get_by_role("searchbox", name="Search names").fill("NEEDLE")
    expect(page.locator(".rows .row")).to_have_count(1)
    expect(page.get_by_role("link", name="needle in its name")).to_be_visible()

    with open_page(chromium, f"{url}/") as other:
        other.goto(page.url)
        expect(other.locator(".rows .row")).to_have_count(1)
        expect(other.get_by_role("searchbox", name="Search names")).to_have_value("NEEDLE")
    page.go_back()
    expect(page.locator(".rows .row")).to_have_count(2)


def test_the_search_finds_texts_of_payloads_results_and_errors(
    page: Page, url: str, team: str, tmp_path: Path
) -> None:
    (tmp_path / "gate").touch()
    labels = {"team": team}
    inks = {"reason": "ink", "number": 77}
    gate = {"gate": str(tmp_path / "gate")}
    later = submitted(
        url, "a", type="failing", payload={"reason": f"In{team}"}, labels=labels, **FUTURE
    )
    result = submitted(url, "b", type="watched", payload=gate, labels=labels)
    error = submitted(url, "c", type="failing", payload=inks, labels=labels)
    final(url, result), final(url, error)
    open_list(page, team)
    for text, task in ((f"in{team}", later), ("ONERROR=ALERT", result), ("ink 77", error)):
        page.get_by_role("searchbox", name="Search names").fill(text)
        expect(page.locator(f'[data-id="{task}"]')).to_be_visible()
        expect(page.locator(".rows .row")).to_have_count(1)


def test_what_callers_set_is_text_and_never_markup(page: Page, url: str, team: str) -> None:
    labels = {"team": team, "x": MARKUP}
    task = submitted(
        url, MARKUP, labels=labels, type="failing", payload={"reason": MARKUP, "number": 1}
    )
    final(url, task)
    open_list(page, team, "&columns=task_name,labels,error,result,type,queue")
    expect(page.get_by_role("link", name=MARKUP, exact=True)).to_have_text(MARKUP)
    expect(page.locator(".rows .cell.error")).to_contain_text(MARKUP)

    page.get_by_role("link", name=MARKUP, exact=True).click()
    for section in (".title h1", ".failure", ".facts", ".viewer"):
        expect(page.locator(section).first).to_contain_text("<img src=x onerror=alert(1)>")
    page.goto(f"ui/#/new?from={task}")
    expect(page.get_by_label("task_name")).to_have_value(MARKUP)
    page.goto(f"ui/#/tasks?label=team:{team}&type={MARKUP}&queue={MARKUP}&task_name={MARKUP}")
    expect(page.locator(".token", has_text="Name is")).to_contain_text(MARKUP)
    expect(page.locator("main img, main script")).to_have_count(0)


@pytest.mark.long
def test_ten_thousand_tasks_are_shown_page_by_page(page: Page, url: str, team: str) -> None:
    submitted_many(url, [f"n {n}" for n in range(10_000)], labels={"team": team})
    open_list(page, team, "&rows=500")
    expect(page.locator(".rows .row")).to_have_count(500)
    expect(page.locator(".summary")).to_have_text("10,000 tasks")
    page.get_by_role("button", name="Next →").click()
    expect(page.locator(".rows .cell.task_name").first).to_have_text("n 9499")
    expect(page.get_by_text("Page 2 of 20")).to_be_visible()

    page.get_by_label("Select every row of this page").check()
    expect(page.get_by_text("500 selected")).to_be_visible()
    page.get_by_role("button", name="Select all 10,000 that match").click()
    page.get_by_role("button", name="Cancel", exact=True).click()
    expect(page.get_by_role("dialog")).to_contain_text("This will cancel 10,000 tasks.")


def test_all_tasks_that_match_are_changed_also_those_of_other_pages(
    page: Page, url: str, team: str
) -> None:
    submitted_many(url, [f"n {n}" for n in range(30)], labels={"team": team})
    open_list(page, team, "&rows=25")
    expect(page.locator(".rows .row")).to_have_count(25)
    page.get_by_label("Select every row of this page").check()
    page.get_by_role("button", name="Select all 30 that match").click()
    page.get_by_role("button", name="Cancel", exact=True).click()
    page.get_by_role("dialog").get_by_role("button", name="Cancel 30 tasks").click()

    expect(page.get_by_text("30 tasks cancelled.")).to_be_visible()
    listed = call("GET", f"{url}/tasks?label=team:{team}&page_size=100")["tasks"]
    assert {task["status"] for task in listed} == {"CANCELLED"}


def test_a_bulk_action_says_first_what_it_can_do(page: Page, url: str, team: str) -> None:
    waiting = submitted_many(url, ["a", "b"], labels={"team": team})
    done = final(url, submitted(url, "done", labels={"team": team}))["task_id"]
    open_list(page, team)
    for task in [*waiting, done]:
        page.locator(f'[data-id="{task}"]').get_by_role("checkbox").check()

    page.get_by_role("button", name="Cancel", exact=True).click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("This will cancel 2 tasks. 1 of the 3 is in another state")
    dialog.get_by_role("button", name="Keep as it is").click()
    assert call("GET", f"{url}/tasks/{waiting[0]}")["status"] == "SCHEDULED"
    page.get_by_role("button", name="Cancel", exact=True).click()
    dialog.get_by_role("button", name="Cancel 2 tasks").click()

    for task in waiting:
        expect(page.locator(f'[data-id="{task}"] .badge')).to_have_text("cancelled")
    expect(page.get_by_text("3 selected")).to_be_hidden()


def test_the_list_works_by_keyboard_alone(page: Page, url: str, team: str) -> None:
    submitted_many(url, ["older", "newer"], labels={"team": team})
    open_list(page, team)
    expect(page.locator(".rows .row")).to_have_count(2)

    keys = page.keyboard
    keys.press("?")
    expect(page.get_by_role("dialog")).to_contain_text("Next and previous row")
    keys.press("Escape")
    keys.press("j")
    keys.press("j")
    keys.press("x")
    expect(page.get_by_text("1 selected")).to_be_visible()
    expect(page.locator(".row.selected")).to_contain_text("older")
    keys.press("k")
    expect(page.locator(".row:focus")).to_contain_text("newer")
    keys.press("Enter")
    expect(page.get_by_role("heading", name="newer")).to_be_visible()
    keys.press("g")
    keys.press("q")
    expect(page.get_by_role("heading", name="Queues")).to_be_visible()
    keys.press("/")
    expect(page.get_by_role("searchbox", name="Search names")).to_be_focused()


def test_exports_keep_large_numbers_and_start_no_formulas(
    page: Page, url: str, team: str, tmp_path: Path
) -> None:
    (tmp_path / "gate").touch()
    payload = {"gate": str(tmp_path / "gate")}
    submitted(url, '=1+1,"quoted"', type="watched", payload=payload, labels={"team": team})
    final(url, submitted(url, "plain", labels={"team": team}))
    open_list(page, team, "&columns=task_name,status")
    expect(page.locator(".rows .badge", has_text="completed")).to_have_count(2)

    def exported(kind: str) -> str:
        page.get_by_text("Export and more").click()
        with page.expect_download() as download:
            page.get_by_role("button", name=f"Export {kind}").click()
        return Path(download.value.path()).read_bytes().decode()

    tasks = [json.loads(line) for line in exported("NDJSON").splitlines()]
    assert [task["task_name"] for task in tasks] == ["plain", '=1+1,"quoted"']
    assert tasks[1]["result"]["large"] == 12345678901234567890123
    head, plain, formula = exported("CSV").splitlines()
    assert head == "task_id,task_name,status"
    assert plain.endswith(",plain,COMPLETED")
    assert formula.endswith(""","'=1+1,""quoted""\",COMPLETED""")


def test_columns_are_chosen_and_kept_in_the_address(page: Page, url: str, team: str) -> None:
    submitted(url, "one", labels={"team": team}, priority=7, **FUTURE)
    open_list(page, team)
    page.get_by_text("Export and more").click()
    page.get_by_role("button", name="Columns …").click()
    page.get_by_role("checkbox", name="Priority").check()
    page.get_by_role("checkbox", name="Labels").uncheck()
    page.get_by_role("button", name="Show these").click()

    expect(page.locator(".rows .cell.priority")).to_have_text("7")
    expect(page.locator(".rows .cell.labels")).to_have_count(0)
    page.reload()
    expect(page.locator(".rows .cell.priority")).to_have_text("7")


def test_a_page_that_cannot_be_read_shows_no_rows_of_another_and_is_read_later(
    page: Page, url: str, team: str
) -> None:
    submitted_many(url, [f"n {n}" for n in range(30)], labels={"team": team})
    open_list(page, team, "&rows=25")
    expect(page.locator(".rows .row")).to_have_count(25)
    problem = {"title": "Busy", "detail": "The service is busy.", "code": "overloaded"}
    page.route("**/tasks?*", lambda route: route.fulfill(status=503, json=problem))
    page.get_by_role("button", name="Next →").click()
    expect(page.get_by_role("alert").get_by_text("The service is busy.")).to_be_visible()
    expect(page.locator(".rows .row")).to_have_count(0)

    page.unroute("**/tasks?*")
    expect(page.locator(".rows .row")).to_have_count(5)
    expect(page.get_by_text("The service is busy.")).to_be_hidden()
