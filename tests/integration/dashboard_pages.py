"""Open the views of the dashboard, over tasks of every kind."""

from playwright.sync_api import Page, expect

from tests.integration.calls import final, submitted, submitted_many

VIEWS = ["overview", "tasks", "queues", "schedules", "workers", "types", "callbacks", "new"]
HEADINGS = {view: view.capitalize() for view in VIEWS} | {"new": "New task"}
FUTURE = {"run_at": "2099-01-01T00:00:00Z"}
LONG = "x" * 200
WITHOUT_SHARED_WORKER = "delete window.SharedWorker"
HIDEABLE = """
Object.defineProperty(document, "hidden", { get: () => window.isHidden === true });
"""
TOGGLE = "window.isHidden = !window.isHidden; document.dispatchEvent(new Event('visibilitychange'))"
"""Hides or shows a tab that was opened with HIDEABLE, as far as its scripts see."""


def show(page: Page, view: str) -> None:
    page.goto(f"ui/#/{view}")
    expect(page.get_by_role("heading", name=HEADINGS[view], exact=True)).to_be_visible()


def open_list(page: Page, team: str, more: str = "") -> None:
    """Open the list of the tasks with a label."""
    page.goto(f"ui/#/tasks?label=team:{team}{more}")
    expect(page.get_by_role("heading", name="Tasks", exact=True)).to_be_visible()


def wait_for_stream(page: Page) -> None:
    """Wait until the tab follows the changes."""
    expect(page.locator("body[data-connection=open]")).to_have_count(1)


def submit_every_kind(url: str) -> dict[str, str]:
    """Submit tasks of every kind. Returns ids by what they show."""
    labels = {"a" * 60: "b" * 200, "team": "all"}
    submitted_many(url, [LONG, "scheduled"], labels=labels)
    failed = submitted(url, "failed", type="failing", payload={"reason": LONG})
    final(url, failed)
    return {
        "failed": failed,
        "done": final(url, submitted(url, "done"))["task_id"],
        "waiting": submitted(url, LONG, queue="q" * 50, labels=labels),
    }
