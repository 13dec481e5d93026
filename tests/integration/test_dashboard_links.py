"""A task is shared from the dashboard, and whoever has the link sees that task and nothing else."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.integration.keyed import a_token, bearer
from tests.integration.playwright_browser import open_page
from tests.integration.processes import Api
from tests.integration.test_dashboard_access import violations

pytestmark = pytest.mark.slow
API_SETTINGS = {"auth": "keys", "http_workers": 2, "link_secret": "s" * 43}


@pytest.fixture
def page(chromium: Browser, api: Api) -> Iterator[Page]:
    with open_page(chromium, f"http://127.0.0.1:{api.port}/") as page:
        yield page


@pytest.fixture
def stranger(chromium: Browser, api: Api) -> Iterator[Page]:
    """A tab of somebody who has no key."""
    with open_page(chromium, f"http://127.0.0.1:{api.port}/") as page:
        yield page


def submit(api: Api, token: str, name: str) -> str:
    body = {"task_name": name, "duration": 1, "labels": {"team": "billing"}}
    task = api.request("POST", "/tasks", json=body, headers=bearer(token)).json()
    return str(task["task_id"])


def share(page: Page, token: str, task_id: str, *, cancel: bool) -> str:
    """Sign in, share the task, and return the link."""
    page.goto(f"ui/#/tasks/{task_id}")
    page.get_by_label("Key", exact=True).fill(token)
    page.get_by_role("button", name="Sign in").click()
    page.get_by_role("button", name="Share link").click()
    page.get_by_label("It works for").select_option("a week")
    if cancel:
        page.get_by_label("Let them cancel the task").check()
    assert violations(page) == []
    page.get_by_role("button", name="Make the link").click()
    url = page.get_by_label("Link", exact=True).inner_text()
    assert url.startswith(page.url.partition("#")[0])
    return url


def test_a_shared_task_is_seen_followed_and_cancelled_without_a_key(
    page: Page, stranger: Page, api: Api, redis_url: str
) -> None:
    token = a_token(redis_url, "operator")
    task_id = submit(api, token, "shared")
    url = share(page, token, task_id, cancel=True)

    stranger.goto(url)

    expect(stranger.get_by_role("heading", name="shared")).to_be_visible()
    expect(stranger.get_by_text("team:billing")).to_be_visible()
    expect(stranger.get_by_role("navigation").get_by_role("link")).to_have_count(0)
    assert violations(stranger) == []
    for name in ("Delete", "Edit", "Duplicate", "Share link"):
        expect(stranger.get_by_text(name, exact=True)).to_have_count(0)
    rename = {"task_name": "renamed"}
    api.request("PATCH", f"/tasks/{task_id}", json=rename, headers=bearer(token))
    expect(stranger.get_by_role("heading", name="renamed")).to_be_visible()

    stranger.get_by_role("button", name="Cancel", exact=True).click()
    stranger.get_by_role("button", name="Cancel the task").click()

    expect(stranger.get_by_text("CANCELLED").first).to_be_visible()


def test_a_link_that_only_reads_has_no_button_and_a_wrong_one_says_so(
    page: Page, stranger: Page, api: Api, redis_url: str
) -> None:
    token = a_token(redis_url, "operator")
    url = share(page, token, submit(api, token, "shared"), cancel=False)

    stranger.goto(url)
    expect(stranger.get_by_role("heading", name="shared")).to_be_visible()
    expect(stranger.get_by_role("button", name="Cancel", exact=True)).to_have_count(0)

    stranger.goto(f"{url[:-1]}{'A' if url[-1] != 'A' else 'B'}")
    expect(stranger.get_by_text("The link has ended, or the task is gone.")).to_be_visible()
    stranger.goto("ui/#/tasks")
    expect(stranger.get_by_role("heading", name="Sign in")).to_be_visible()
