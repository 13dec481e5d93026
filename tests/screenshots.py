"""Make the screenshots of docs/images: a service with real tasks, in light and dark.

Run it by `make screenshots`. It needs Chromium.
"""

import os
import tempfile
from pathlib import Path

from playwright.sync_api import Page, expect

from tests.integration.calls import call, submitted, task_of
from tests.integration.local_stacks import Local
from tests.integration.playwright_browser import open_page, running_browser
from tests.integration.waiting import wait_until
from tests.pages import ROOT, write_modules

FOLDER = ROOT / "docs/images"
SIZE = {"width": 1280, "height": 800}
ORDERS = [{"day": "2026-11-24", "product": "tea", "pieces": 3, "price": 4.5}]
RETRY = {"max_attempts": 3, "initial_delay": 1, "jitter": 0}
SHOWN = {
    "overview": ".chart",
    "tasks": ".chip .number:not(:empty)",
    "new": ".beside",
    "task": ".timeline tbody tr",
    "guide-new": ".beside",
    "guide-task": ".timeline tbody tr",
}
"""The part of each view that is shown last."""
VIEWS = {
    "guide-new": "new?type=send_invoice",
    "overview": "overview",
    "tasks": "tasks?rows=25",
    "new": "new?type=csv_report",
}
INVOICE = {"customer": "ada@example.com", "pages": 60}
"""The payload of the task in docs/guide.md."""


def fill(url: str) -> str:
    """Submit tasks of several types. Returns the id of one that failed after three attempts."""
    failing = submitted(
        url,
        "Render the trailer",
        type="render_video",
        payload={"service": "http://127.0.0.1:9", "video": "trailer.mp4"},
        labels={"team": "media"},
        retry=RETRY,
    )
    for number in range(1, 25):
        submitted(url, f"Resize picture {number}", duration=1 + number % 3, labels={"team": "shop"})
    for number in range(1, 4):
        submitted(
            url,
            f"Orders of shop {number}",
            type="csv_report",
            payload={"orders": ORDERS * number},
            labels={"team": "billing"},
        )
        submitted(url, f"Newsletter {number}", queue="mail", labels={"team": "marketing"})
    submitted(url, "Nightly cleanup", run_at="2099-01-01T03:00:00Z")
    wait_until(lambda: task_of(url, failing)["status"] == "FAILED")
    wait_until(lambda: call("GET", f"{url}/stats")["by_status"]["COMPLETED"] >= 12)
    return failing


def invoice(url: str) -> str:
    """Submit the long task of docs/guide.md, and return its id when some pages are printed."""
    task = submitted(url, "invoice 17", type="send_invoice", payload=INVOICE, priority=9)
    wait_until(lambda: call("GET", f"{url}/tasks/{task}/logs")["lines"][3:])
    return task


def fill_form(page: Page) -> None:
    """Fill the form of the guide in."""
    page.get_by_label("task_name").fill("invoice 17")
    for name, value in INVOICE.items():
        page.get_by_label(name).fill(str(value))


def main() -> None:
    FOLDER.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        write_modules("docs/guide.md", Path(folder))
        os.environ["PYTHONPATH"] = folder
        photograph(Path(folder))


def photograph(folder: Path) -> None:
    """Start a service with its data in the folder, and make the pictures."""
    with (
        Local(
            folder / "log",
            folder / "data",
            handlers="examples.handlers,shop",
            worker_concurrency=4,
        ) as stack,
        running_browser() as browser,
    ):
        url = stack.url()
        views = {**VIEWS, "task": f"tasks/{fill(url)}", "guide-task": f"tasks/{invoice(url)}"}
        for scheme in ("light", "dark"):
            with open_page(browser, f"{url}/", color_scheme=scheme, viewport=SIZE) as page:
                for name, view in views.items():
                    page.goto(f"ui/#/{view}")
                    expect(page.get_by_role("heading", level=1)).to_be_visible()
                    expect(page.locator("[aria-busy]")).to_have_count(0)
                    expect(page.locator(SHOWN[name]).first).to_be_visible()
                    if name == "guide-new":
                        fill_form(page)
                    page.screenshot(path=FOLDER / f"{name}-{scheme}.png")
                    print(f"docs/images/{name}-{scheme}.png")


if __name__ == "__main__":
    main()
