"""The dashboard of a service that asks for keys: signing in, what a role sees, and keys."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.integration.keyed import a_token, bearer
from tests.integration.playwright_browser import open_page
from tests.integration.processes import Api
from tests.integration.test_dashboard_access import violations

pytestmark = pytest.mark.slow
API_SETTINGS = {"auth": "keys", "http_workers": 2}


@pytest.fixture
def page(chromium: Browser, api: Api) -> Iterator[Page]:
    with open_page(chromium, f"http://127.0.0.1:{api.port}/") as page:
        yield page


def sign_in(page: Page, token: str) -> None:
    page.goto("ui/")
    page.get_by_label("Key", exact=True).fill(token)
    page.get_by_role("button", name="Sign in").click()


def test_a_key_opens_the_dashboard_and_signing_out_closes_it(
    page: Page, api: Api, redis_url: str
) -> None:
    token = a_token(redis_url, "operator")
    page.goto("ui/#/queues")
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
    assert violations(page) == []
    page.get_by_label("Key", exact=True).fill(f"{token[:-1]}-")
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_text("The key is wrong, has expired or was revoked.")).to_be_visible()

    page.get_by_label("Key", exact=True).fill(f" {token} ")
    page.keyboard.press("Enter")

    expect(page.get_by_role("heading", name="Queues")).to_be_visible()
    assert page.evaluate("document.cookie + JSON.stringify(localStorage)") == "{}"
    page.get_by_role("link", name="Tasks", exact=True).click()
    body = {"task_name": "live", "duration": 1}
    assert api.request("POST", "/tasks", json=body, headers=bearer(token)).status_code == 202
    expect(page.get_by_role("link", name="live")).to_be_visible()
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()


def test_a_viewer_sees_no_buttons_that_it_may_not_use(page: Page, api: Api, redis_url: str) -> None:
    operator = a_token(redis_url, "operator")
    body = {"task_name": "seen", "duration": 1}
    task = api.request("POST", "/tasks", json=body, headers=bearer(operator)).json()["task_id"]
    sign_in(page, a_token(redis_url, "viewer"))
    expect(page.get_by_role("heading", name="Overview")).to_be_visible()
    expect(page.get_by_role("link", name="New task")).to_have_count(0)
    expect(page.get_by_role("link", name="Keys")).to_have_count(0)

    page.goto(f"ui/#/tasks/{task}")

    expect(page.get_by_role("heading", name="seen")).to_be_visible()
    expect(page.get_by_role("button", name="Copy as curl")).to_be_visible()
    for name in ("Cancel", "Delete"):
        expect(page.get_by_role("button", name=name, exact=True)).to_have_count(0)


def test_a_tenant_sees_its_tasks_alone(page: Page, api: Api, redis_url: str) -> None:
    admin = a_token(redis_url, "admin")
    for name, labels in (("theirs", {"tenant": "b"}), ("mine", {"tenant": "a"})):
        body = {"task_name": name, "duration": 1, "labels": labels}
        api.request("POST", "/tasks", json=body, headers=bearer(admin))
    sign_in(page, a_token(redis_url, "operator", "--label", "tenant=a"))

    expect(page.get_by_role("link", name="mine")).to_be_visible()
    expect(page.get_by_role("link", name="theirs")).to_have_count(0)
    page.get_by_role("link", name="mine").click()
    expect(page.get_by_role("heading", name="mine")).to_be_visible()
    page.get_by_role("link", name="Types", exact=True).click()
    expect(page.get_by_role("heading", name="sleep")).to_be_visible()


def test_an_admin_makes_and_revokes_a_key(page: Page, api: Api, redis_url: str) -> None:
    sign_in(page, a_token(redis_url, "admin"))
    page.get_by_role("link", name="Keys").click()
    page.get_by_role("button", name="New key").click()
    page.get_by_label("Name").fill("shop")
    page.get_by_label("Role").select_option("operator")
    page.get_by_label("Labels it is bound to").fill("tenant:acme")
    page.get_by_label("Limit of its requests").fill("6000/hour")
    page.get_by_role("button", name="Make the key").click()
    token = page.get_by_label("Key", exact=True).inner_text()
    assert api.request("GET", "/tasks", headers=bearer(token)).status_code == 200
    page.get_by_role("button", name="I have it").click()
    row = page.get_by_role("row", name="shop")
    expect(row).to_contain_text("tenant:acme")
    expect(row).to_contain_text("6000/hour")
    assert violations(page) == []

    row.get_by_role("button", name="Revoke").click()
    page.get_by_role("button", name="Revoke the key").click()

    expect(page.get_by_role("row", name="shop")).to_have_count(0)
