"""Measure the dashboard in a real browser: `python -m benchmarks.dashboard`."""

import json
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

import click
from playwright.sync_api import Browser, BrowserContext, CDPSession, Page, sync_playwright
from tests.integration.browser import INSTALL, SWITCHES, installed_browser

from benchmarks.machine import machine_facts
from benchmarks.page import figure, table
from benchmarks.processes import NotReady, exit_on_signals
from benchmarks.progress import say
from benchmarks.readers import call
from benchmarks.stored_tasks import OurTasks, fill_ours
from benchmarks.subjects import Subject, running_version

ROWS = 500
EVENTS_OF_A_TASK = 3
"""It is submitted, started and completed."""
SETTLE_SECONDS = 10.0
LOOK_SECONDS = 5.0
PATIENCE_SECONDS = 30.0
TABS = 8
HIDDEN = "Object.defineProperty(document, 'hidden', {get: () => true});"
"""Script by which a page is hidden as in another tab. Without a window, all pages are shown."""
SHOWN_IDS = "[...document.querySelectorAll('.rows .row')].map(row => row.dataset.id)"
Row = tuple[str, str, str]


@dataclass(frozen=True)
class Setting:
    """The service, the browser and the load of one part."""

    subject: Subject
    browser: Browser
    rate: float
    seconds: float

    @property
    def url(self) -> str:
        host, port = self.subject.address
        return f"http://{host}:{port}/"


@contextmanager
def events(setting: Setting) -> Iterator[None]:
    """Let so many events a second happen: new tasks that a worker would start and complete."""
    tasks, over = OurTasks(setting.subject.store.url), threading.Event()

    def make() -> None:
        due = time.monotonic()
        while not over.wait(max(0.0, due - time.monotonic())):
            tasks.submit()
            tasks.finish_next()
            due += EVENTS_OF_A_TASK / setting.rate

    maker = threading.Thread(target=make)
    maker.start()
    try:
        yield
    finally:
        over.set()
        maker.join()
        tasks.close()


@contextmanager
def tabs(setting: Setting, number: int = 1) -> Iterator[list[Page]]:
    """Open the list of tasks in so many tabs of one window. All but the first are hidden."""
    context = setting.browser.new_context(base_url=setting.url)
    context.set_default_timeout(1000 * PATIENCE_SECONDS)
    try:
        yield [_tab(context, hidden=each > 0) for each in range(number)]
    finally:
        context.close()


def _tab(context: BrowserContext, *, hidden: bool) -> Page:
    page = context.new_page()
    if hidden:
        page.add_init_script(HIDDEN)
    page.goto(f"ui/#/tasks?rows={ROWS}")
    _wait_until(page, f"{SHOWN_IDS}.length == {ROWS}")
    return page


def _wait_until(page: Page, condition: str) -> None:
    """Wait for a condition. The page's policy forbids Playwright's own way, which needs eval."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not page.evaluate(condition):
        if time.monotonic() > deadline:
            raise NotReady(f"the page does not come to {condition}")
        time.sleep(0.02)


def live(setting: Setting) -> list[Row]:
    """Measure the page of 500 rows while events happen."""
    with tabs(setting) as [page]:
        developer = page.context.new_cdp_session(page)
        developer.send("Performance.enable")
        with events(setting):
            time.sleep(SETTLE_SECONDS)
            heap, busy, began = _heap(developer), _busy(developer), time.monotonic()
            repeated = 0
            while time.monotonic() < began + setting.seconds:
                time.sleep(LOOK_SECONDS)
                shown = page.evaluate(SHOWN_IDS)
                repeated = max(repeated, len(shown) - len(set(shown)))
            busy = (_busy(developer) - busy) / (time.monotonic() - began)
            growth = _heap(developer) / heap
        lost = _missing_rows(page, setting)
    return [
        ("main thread", "under 25 %", f"{100 * busy:.1f} %"),
        ("memory after the first 10 s", "at most 1.1 times", f"{growth:.2f} times"),
        ("rows shown twice", "0", f"{repeated}"),
        ("rows that differ from the API's in the end", "0", f"{lost}"),
    ]


def _busy(developer: CDPSession) -> float:
    """Return the seconds for which the main thread has been busy."""
    return _metrics(developer)["TaskDuration"]


def _heap(developer: CDPSession) -> float:
    developer.send("HeapProfiler.collectGarbage")
    return _metrics(developer)["JSHeapUsedSize"]


def _metrics(developer: CDPSession) -> dict[str, float]:
    found: Any = developer.send("Performance.getMetrics")
    return {each["name"]: each["value"] for each in found["metrics"]}


def _missing_rows(page: Page, setting: Setting) -> int:
    """Return how many of the newest tasks are not shown, once the page had time to show them."""
    newest: list[str] = []
    cursor = ""
    while len(newest) < ROWS:
        path = f"/tasks?sort=-submitted_at&page_size=100{cursor}"
        _, _, body = call(setting.subject.address, "GET", path)
        response = json.loads(body)
        newest += [task["task_id"] for task in response["tasks"]]
        cursor = f"&cursor={response['pagination']['next_cursor']}"
    deadline = time.monotonic() + PATIENCE_SECONDS
    while (shown := set(page.evaluate(SHOWN_IDS))) != set(newest):
        if time.monotonic() > deadline:
            break
        time.sleep(0.1)
    return len(set(newest) ^ shown)


def first_view(setting: Setting) -> list[Row]:
    """Measure the first view with an empty cache."""
    paints, sizes = [], []
    for _ in range(5):
        context = setting.browser.new_context(base_url=setting.url)
        page = context.new_page()
        developer = context.new_cdp_session(page)
        developer.send("Network.enable")
        received: list[float] = []
        developer.on("Network.loadingFinished", lambda event: received.append(_size(event)))  # noqa: B023
        page.goto("ui/")
        _wait_until(page, "performance.getEntriesByName('first-contentful-paint').length > 0")
        page.wait_for_load_state("load")
        paints.append(
            page.evaluate("performance.getEntriesByName('first-contentful-paint')[0].startTime")
        )
        sizes.append(sum(received) / 1000)
        context.close()
    return [
        ("first paint", "under 300 ms", f"{figure(median(paints))} ms"),
        ("bytes of the first view, compressed", "at most 60 KB", f"{figure(median(sizes))} KB"),
    ]


def _size(event: Mapping[str, Any]) -> float:
    return float(event["encodedDataLength"])


def filtering(setting: Setting) -> list[Row]:
    """Measure the time from a click on a status to its rows, also while events happen."""
    with tabs(setting) as [page]:
        quiet = [_filter_milliseconds(page) for _ in range(5)]
        with events(setting):
            beside = [_filter_milliseconds(page) for _ in range(5)]
    return [
        (f"a filter of {ROWS} rows", "at most 200 ms", f"{figure(median(quiet))} ms"),
        ("the same beside the events", "at most 200 ms", f"{figure(median(beside))} ms"),
    ]


def _filter_milliseconds(page: Page) -> float:
    """Click on a status and back. Returns the milliseconds until the first rows are drawn."""
    found: float = page.evaluate(
        """async () => {
          const chip = document.querySelector('[data-status=COMPLETED]');
          const table = () => document.querySelector('[aria-busy]');
          const drawn = () => new Promise(done => requestAnimationFrame(() => setTimeout(done)));
          const began = performance.now();
          chip.click();
          await drawn();
          while (table() || chip.getAttribute('aria-pressed') !== 'true') await drawn();
          const took = performance.now() - began;
          document.querySelector('.chip:not([data-status])').click();
          await drawn();
          while (table()) await drawn();
          return took;
        }"""
    )
    return found


def eight_tabs(setting: Setting) -> list[Row]:
    """Measure what tabs cost the API while events happen, in turns."""
    costs: dict[int, list[float]] = {1: [], TABS: []}
    for number in (1, TABS, TABS, 1, 1, TABS):
        with tabs(setting, number), events(setting):
            time.sleep(SETTLE_SECONDS / 2)
            before, began = setting.subject.cpu().total, time.monotonic()
            time.sleep(SETTLE_SECONDS * 2)
            used = setting.subject.cpu().total - before
            costs[number].append(1000 * used / (time.monotonic() - began))
        say(f"  {number} tabs: {costs[number][-1]:.0f} ms of CPU a second")
    one, many = (median(costs[number]) for number in (1, TABS))
    return [
        (
            f"CPU of the API with {TABS} tabs, against one",
            "at most 1.1 times",
            f"{many / one:.2f} times ({figure(many)} and {figure(one)} ms a second)",
        )
    ]


PARTS: Mapping[str, Callable[[Setting], Sequence[Row]]] = {
    "first": first_view,
    "filter": filtering,
    "live": live,
    "tabs": eight_tabs,
}


def chosen_parts(_: click.Context, __: click.Parameter, value: str | None) -> list[str]:
    names = value.split(",") if value else list(PARTS)
    if unknown := [name for name in names if name not in PARTS]:
        raise click.BadParameter(f"{unknown[0]!r} is none of {', '.join(PARTS)}")
    return names


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--only", callback=chosen_parts, help=f"Measure these: {', '.join(PARTS)}.")
@click.option("--tasks", type=click.IntRange(1_000), default=100_000, show_default=True)
@click.option("--rate", type=float, default=200, show_default=True, help="Events a second.")
@click.option("--seconds", type=float, default=60, show_default=True, help="Of the part live.")
def main(only: list[str], tasks: int, rate: float, seconds: float) -> None:
    """Measure the dashboard in Chromium, with many tasks stored and events happening.

    \b
    Example: only the page of 500 rows, for 10 seconds
      python -m benchmarks.dashboard --only live --seconds 10
    """
    exit_on_signals()
    program = installed_browser()
    if program is None:
        raise click.ClickException(INSTALL)
    own = [switch for switch in SWITCHES if "remote-debugging" not in switch]
    rows: list[Row] = []
    try:
        with (
            tempfile.TemporaryDirectory(prefix="dashboard-") as folder,
            running_version(Path(folder) / "ours") as subject,
            sync_playwright() as playwright,
        ):
            fill_ours(subject, tasks)
            facts = machine_facts(subject.store)
            browser = playwright.chromium.launch(executable_path=program, args=own)
            setting = Setting(subject, browser, rate, seconds)
            for name in only:
                say(f"Part {name}")
                rows += PARTS[name](setting)
            browser.close()
    except NotReady as error:
        raise click.ClickException(str(error)) from error
    print(f"# The dashboard\n\n{facts}\n\n{tasks:,} tasks stored, {rate:g} events a second.\n")
    print(table(("what", "asked", "measured"), rows))


if __name__ == "__main__":
    main(prog_name="python -m benchmarks.dashboard")
