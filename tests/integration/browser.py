"""A real browser without a window, told what to do by the Chrome DevTools Protocol over two pipes.

The protocol: chromedevtools.github.io/devtools-protocol; messages over pipes end with a zero byte.
"""

import itertools
import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Self

INSTALL = "neither Chromium nor Chrome is installed: apt-get install chromium"
NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
SWITCHES = (
    *(
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-quic",
        "--no-first-run",
        "--disable-dev-shm-usage",
    ),
    *(
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
        "--no-proxy-server",
    ),
    *(
        "--no-default-browser-check",
        "--disable-extensions",
        "--remote-debugging-pipe",
        "--password-store=basic",
    ),
)

ON_PIPES = """
import os, sys
os.dup2(int(sys.argv[1]), 3)
os.dup2(int(sys.argv[2]), 4)
os.execv(sys.argv[3], sys.argv[3:])
"""
"""The browser reads commands from descriptor 3 and writes to 4."""


def installed_browser() -> str | None:
    """Return the path of Chromium or Chrome."""
    return next(filter(None, map(shutil.which, NAMES)), None)


class Browser:
    """A process of a browser with an empty profile. It ends with the context manager."""

    def __init__(self, program: str, folder: Path, *, names: str = "") -> None:
        """`names` is a list of rules, such as "MAP evil.example 127.0.0.1"."""
        self._command = [
            *(program, *SWITCHES, f"--user-data-dir={folder / 'profile'}"),
            *([f"--host-resolver-rules={names}"] if names else []),
            "about:blank",
        ]
        self._log = folder / "browser.log"
        self._numbers = itertools.count(1)
        self._unread = b""

    def __enter__(self) -> Self:
        commands, self._commands = os.pipe()
        self._messages, responses = os.pipe()
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-c", ON_PIPES, str(commands), str(responses), *self._command],
                pass_fds=(commands, responses),
                stdout=log,
                stderr=log,
                process_group=0,
            )
        os.close(commands)
        os.close(responses)
        try:
            target = self._call("Target.createTarget", url="about:blank")["targetId"]
            self._session = self._call("Target.attachToTarget", targetId=target, flatten=True)[
                "sessionId"
            ]
            self._call("Page.enable")
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        os.close(self._commands)
        os.close(self._messages)

    def open(self, url: str) -> str:
        """Load a page and return its text."""
        self._call("Page.navigate", url=url)
        self.run(
            """new Promise(done =>
                document.readyState === "complete" ? done() : addEventListener("load", done))"""
        )
        return str(self.run("document.documentElement.innerText"))

    @contextmanager
    def before_each_page(self, script: str) -> Iterator[None]:
        """Run a script in each page before its own scripts."""
        added = self._call("Page.addScriptToEvaluateOnNewDocument", source=script)
        try:
            yield
        finally:
            self._call("Page.removeScriptToEvaluateOnNewDocument", **added)

    def run(self, script: str) -> Any:
        """Return the value of an expression in the page, that of a promise when it is settled."""
        response = self._call(
            "Runtime.evaluate", expression=script, awaitPromise=True, returnByValue=True
        )
        assert "exceptionDetails" not in response, response["exceptionDetails"]
        return response["result"].get("value")

    def _call(self, method: str, **parameters: Any) -> dict[str, Any]:
        number = next(self._numbers)
        message: dict[str, Any] = {"id": number, "method": method, "params": parameters}
        if hasattr(self, "_session"):
            message["sessionId"] = self._session
        os.write(self._commands, json.dumps(message).encode() + b"\0")
        while (response := self._read()).get("id") != number:
            pass
        assert "error" not in response, response
        result: dict[str, Any] = response["result"]
        return result

    def _read(self) -> dict[str, Any]:
        while b"\0" not in self._unread:
            received = os.read(self._messages, 65_536)
            assert received, f"the browser has ended: {self._log.read_text()[-2000:]}"
            self._unread += received
        message, _, self._unread = self._unread.partition(b"\0")
        response: dict[str, Any] = json.loads(message)
        return response
