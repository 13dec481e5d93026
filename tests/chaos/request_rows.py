"""Rows about single requests that cost as much as a request may."""

import itertools
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import psutil
import requests

from tests.chaos.background import Background
from tests.chaos.row import Outcome, Run, row
from tests.chaos.site import Site

CLIENTS, STREAMS = 4, 20
VALUES, PAYLOAD_VALUES = 99_000, 29_000


def hostile_bodies() -> list[tuple[str, bytes]]:
    """Return paths and bodies: refused ones, and the most costly that are allowed."""
    members = ",".join(f'"k{number}":1' for number in range(PAYLOAD_VALUES))
    wide = ",".join(f'"k{number}":1' for number in range(90))
    task = '{"task_name":"x","type":"http","payload":{"url":"https://example.com/","json":{%s}}}'
    return [
        ("/tasks/batch", b'{"tasks":[' + b"{}," * 2_700_000 + b"{}]}"),
        ("/tasks/batch", b'{"tasks":[' + b"{}," * VALUES + b"{}]}"),
        ("/tasks/batch", b"[" * 8_000_000),
        ("/tasks/batch", f'{{"tasks":[{",".join(["{" + wide + "}"] * 1_000)}]}}'.encode()),
        ("/tasks/batch", f'{{"tasks":[{task % members},{{}}]}}'.encode()),
        ("/tasks/actions", b'{"action":"cancel","ids":[' + b"0," * VALUES + b"0]}"),
        (
            "/tasks/actions",
            b'{"action":"cancel","filter":{"status":[' + b'"x",' * VALUES + b'"x"]}}',
        ),
        (
            "/tasks",
            b'{"task_name":"x","labels":{' + members[:250_000].rpartition(",")[0].encode() + b"}}",
        ),
    ]


@row("F-36", "hostile bodies from four clients beside streams and submits")
def hostile_requests(run: Run) -> Outcome:
    outcome = Outcome(repetitions=run.times(200), limit=10.0)
    with run.site() as site:
        site.with_api(http_workers=2)
        site.with_maintenance()
        site.with_worker(2)
        workers = [process.pid for process in site.api.children()]
        dropped: list[str] = []
        streams = [partial(_follow, site, dropped)] * STREAMS
        bodies = itertools.islice(itertools.cycle(hostile_bodies()), outcome.repetitions)
        with (
            Background([*streams, partial(_submit, site, outcome)]),
            ThreadPoolExecutor(CLIENTS) as clients,
        ):
            statuses = list(clients.map(_sender(site), bodies))
        outcome.settle(site, 60)
        wrong = [status for status in statuses if not 400 <= status < 500]
        outcome.expect(not wrong, f"{len(wrong)} hostile bodies were not refused: {wrong[:5]}")
        outcome.expect(not dropped, f"{len(dropped)} streams were dropped: {dropped[:2]}")
        outcome.expect(
            [process.pid for process in site.api.children()] == workers,
            "a process of the API restarted",
        )
        peak = max(psutil.Process(pid).memory_info().rss for pid in workers) / 1024**2
        outcome.expect(peak < 400, f"a process of the API has {peak:.0f} MiB")
        outcome.notes.append(f"(of submits, beside {STREAMS} streams) {peak:.0f} MiB")
    return outcome


def _sender(site: Site) -> Callable[[tuple[str, bytes]], int]:
    def send(hostile: tuple[str, bytes]) -> int:
        path, body = hostile
        headers = {"Content-Type": "application/json"}
        return requests.post(site.url(path), data=body, headers=headers, timeout=60).status_code

    return send


def _follow(site: Site, dropped: list[str], ended: threading.Event) -> None:
    """Read a stream until the row ends. Note why when it ends earlier."""
    try:
        with requests.get(site.url("/events"), stream=True, timeout=40) as stream:
            for _ in stream.iter_lines():
                if ended.is_set():
                    return
        dropped.append("ended")
    except requests.RequestException as error:
        dropped.append(repr(error))


def _submit(site: Site, outcome: Outcome, ended: threading.Event) -> None:
    """Submit tasks until the row ends, and one more that wakes the streams."""
    last = False
    with requests.Session() as session:
        while not last:
            last = ended.is_set()
            began = time.monotonic()
            try:
                site.post(session=session).raise_for_status()
                outcome.recoveries.append(time.monotonic() - began)
            except requests.RequestException as error:
                outcome.faults.append(f"a submit failed: {error!r}")
