"""A browser that Playwright drives: pages of the dashboard that fail the test on an error."""

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from tests.integration.browser import INSTALL, SWITCHES, installed_browser
from tests.integration.waiting import PATIENCE

EXPECTED_ERRORS = re.compile(r"Failed to load resource|net::ERR_")
"""Responses of 400 and more, and lost connections, which Chromium itself reports."""


@contextmanager
def running_browser() -> Iterator[Browser]:
    """Start Chromium. Without one, skip, or fail in CI."""
    program = installed_browser()
    if program is None:
        pytest.fail(INSTALL) if os.environ.get("CI") == "true" else pytest.skip(INSTALL)
    expect.set_options(timeout=PATIENCE * 1000)
    own = [switch for switch in SWITCHES if "remote-debugging" not in switch]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=own)
        yield browser
        browser.close()


@contextmanager
def open_page(browser: Browser, url: str, **options: object) -> Iterator[Page]:
    """Open a tab with an empty profile. Errors of scripts and violated policies fail the test."""
    context = browser.new_context(base_url=url, **options)  # type: ignore[arg-type]
    context.set_default_timeout(PATIENCE * 1000)
    errors: list[str] = []
    context.on("weberror", lambda error: errors.append(str(error.error)))
    context.on(
        "console",
        lambda message: (
            errors.append(message.text)
            if message.type == "error" and not EXPECTED_ERRORS.search(message.text)
            else None
        ),
    )
    context.on("requestfailed", lambda lost: print(lost.url, lost.failure))  # for the report
    page = context.new_page()
    yield page
    for each in context.pages:
        each.unroute_all(behavior="ignoreErrors")  # a handler may wait for a response
    context.close()
    assert not errors, errors
