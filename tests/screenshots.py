"""Make the screenshots of docs/images: a service with real tasks, in light and dark.

Run it by `make screenshots`. It needs Chromium.
"""

import tempfile
from pathlib import Path

from playwright.sync_api import expect

from tests.integration.calls import call, submitted, task_of
from tests.integration.local_stacks import Local
from tests.integration.playwright_browser import open_page, running_browser
from tests.integration.waiting import wait_until

FOLDER = Path(__file__).parents[1] / "docs/images"
SIZE = {"width": 1280, "height": 800}
ORDERS = [{"day": "2026-11-24", "product": "tea", "pieces": 3, "price": 4.5}]
RETRY = {"max_attempts": 3, "initial_delay": 1, "jitter": 0}
SHOWN = {
    "overview": ".chart",
    "tasks": ".chip .number:not(:empty)",
    "new": ".beside",
    "task": ".timeline tbody tr",
}
"""The part of each view that is shown last."""
VIEWS = {"overview": "overview", "tasks": "tasks?rows=25", "new": "new?type=csv_report"}


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


def main() -> None:
    FOLDER.mkdir(exist_ok=True)
    with (
        tempfile.TemporaryDirectory() as folder,
        Local(
            Path(folder) / "log",
            Path(folder) / "data",
            handlers="examples.handlers",
            worker_concurrency=4,
        ) as stack,
        running_browser() as browser,
    ):
        url = stack.url()
        views = {**VIEWS, "task": f"tasks/{fill(url)}"}
        for scheme in ("light", "dark"):
            with open_page(browser, f"{url}/", color_scheme=scheme, viewport=SIZE) as page:
                for name, view in views.items():
                    page.goto(f"ui/#/{view}")
                    expect(page.get_by_role("heading", level=1)).to_be_visible()
                    expect(page.locator("[aria-busy]")).to_have_count(0)
                    expect(page.locator(SHOWN[name]).first).to_be_visible()
                    page.screenshot(path=FOLDER / f"{name}-{scheme}.png")
                    print(f"docs/images/{name}-{scheme}.png")


if __name__ == "__main__":
    main()
