"""Rows about clients that hold connections without a whole request, and about few descriptors."""

import contextlib
import resource
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator

import requests

from tests.chaos.row import Outcome, Run, row
from tests.chaos.site import Site
from tests.integration.connections import UNFINISHED, ApiWithFewDescriptors, connect, open_stream
from tests.integration.processes import Api

CONNECTIONS = 20_200
OWN_DESCRIPTORS = 1_000
"""Of the row itself, beside the connections."""
STREAMS = 20
LIMIT_SECONDS = 5.0
STREAM_SECONDS = 20.0


@row("F-37", "20,200 connections with one byte of body each, again and again")
def unfinished_bodies(run: Run) -> Outcome:
    outcome = Outcome(limit=LIMIT_SECONDS)
    number = min(CONNECTIONS, _open_files() - OWN_DESCRIPTORS)
    with run.site() as site:
        api = site.with_api()
        site.with_maintenance()
        site.with_worker(2)
        processes = {child.pid for child in api.children()}
        with _streams(api, STREAMS) as streams, _attack(api, number) as opened:
            _use(site, outcome, until=lambda: len(opened) >= number + run.times(20_000))
            outcome.expect(all(_follows(stream) for stream in streams), "a stream was dropped")
        outcome.settle(site, 60)
        outcome.expect({child.pid for child in api.children()} == processes, "a process was started again")
        outcome.notes.append(f"({outcome.repetitions} times /livez and a submit; {len(opened)} connections)")
    return outcome


@row("F-37a", "a process of the API with 256 descriptors: all streams, and 1,000 unfinished requests")
def few_descriptors(run: Run) -> Outcome:
    outcome = Outcome(limit=LIMIT_SECONDS)
    with run.site() as site, contextlib.ExitStack() as stack:
        log = site.directory / "few.log"
        api = ApiWithFewDescriptors(log, 256, redis_url=site.server.url, http_workers=1)
        site.api = stack.enter_context(api)
        site.with_maintenance()
        site.with_worker(2)
        processes = {child.pid for child in api.children()}
        held = 0
        status = 200
        while status == 200:
            status, connection = open_stream(api.port)
            stack.enter_context(connection)
            held += 1
        outcome.expect(status == 503, f"stream {held} had {status}")
        with _attack(api, 1_000) as opened:
            _use(site, outcome, until=lambda: len(opened) >= 1_000 + run.times(10_000))
        outcome.settle(site, 60)
        outcome.expect({child.pid for child in api.children()} == processes, "a process was started again")
        outcome.expect("Too many open files" not in log.read_text(), "the descriptors were used up")
        outcome.notes.append(f"({outcome.repetitions} times /livez and a submit; {held - 1} streams)")
    return outcome


def _open_files() -> int:
    """Raise the limit on open files of this process and return it."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return hard


def _use(site: Site, outcome: Outcome, *, until: Callable[[], bool]) -> None:
    """Ask for /livez and submit while the attack goes on. A recovery is how long both took."""
    while not until() or not outcome.repetitions:
        began = time.monotonic()
        try:
            with requests.Session() as session:
                alive = session.get(site.url("/livez"), timeout=LIMIT_SECONDS)
                submitted = site.post(session=session)
        except requests.RequestException as error:
            outcome.faults.append(f"after {outcome.repetitions} times: {error}")
            return
        outcome.expect(alive.ok and submitted.ok, f"{alive.status_code} and {submitted.status_code}")
        outcome.recoveries.append(time.monotonic() - began)
        outcome.repetitions += 1


@contextlib.contextmanager
def _attack(api: Api, number: int) -> Iterator[list[int]]:
    """Open unfinished requests and hold the latest of them; the list grows by one for each."""
    stopped, opened = threading.Event(), list[int]()

    def attack() -> None:
        with contextlib.ExitStack() as stack:
            held = deque(maxlen=number)  # type: ignore[var-annotated]
            stack.callback(lambda: [each.close() for each in held])
            while not stopped.is_set():
                if len(held) == number:
                    held.popleft().close()
                with contextlib.suppress(OSError):
                    held.append(connect(api.port, UNFINISHED, seconds=1))
                    opened.append(1)

    thread = threading.Thread(target=attack)
    thread.start()
    try:
        yield opened
    finally:
        stopped.set()
        thread.join()


@contextlib.contextmanager
def _streams(api: Api, number: int) -> Iterator[list[requests.Response]]:
    with contextlib.ExitStack() as stack:
        url = f"http://127.0.0.1:{api.port}/events"
        yield [stack.enter_context(requests.get(url, stream=True, timeout=STREAM_SECONDS)) for _ in range(number)]


def _follows(stream: requests.Response) -> bool:
    """Return whether a stream tells of the tasks that were submitted since it was opened."""
    deadline = time.monotonic() + STREAM_SECONDS
    with contextlib.suppress(requests.RequestException):
        for line in stream.iter_lines(chunk_size=1):
            if line == b"event: task.submitted" or time.monotonic() > deadline:
                return bool(line.endswith(b"submitted"))
    return False
