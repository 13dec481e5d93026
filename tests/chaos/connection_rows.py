"""Rows about clients that hold connections without a whole request, and about few descriptors."""

import contextlib
import resource
import time
from collections import deque
from collections.abc import Iterator
from socket import socket

import requests

from tests.chaos.row import Outcome, Run, row
from tests.chaos.site import Site
from tests.integration.connections import UNFINISHED, ApiWithFewDescriptors, connect, open_stream

CONNECTIONS = 20_200
WAVE = 500
"""Connections that are opened between two uses of the service."""
OWN_DESCRIPTORS = 1_000
"""Descriptors that the row itself needs beside the connections."""
STREAMS = 20
STREAM_SECONDS = 20.0
LIMIT_SECONDS = 10.0
"""For /livez and a submit together, on a machine with other work."""


@row("F-37", "20,200 connections with one byte of body each")
def unfinished_bodies(run: Run) -> Outcome:
    outcome = Outcome(limit=LIMIT_SECONDS)
    _, descriptors = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (descriptors, descriptors))
    held = min(CONNECTIONS, descriptors - OWN_DESCRIPTORS)
    with run.site() as site, contextlib.ExitStack() as stack:
        api = site.with_api()
        site.with_maintenance()
        site.with_worker(2)
        processes = {child.pid for child in api.children()}
        followed = [
            stack.enter_context(
                requests.get(site.url("/events"), stream=True, timeout=STREAM_SECONDS)
            )
            for _ in range(STREAMS)
        ]
        _attack_and_use(site, outcome, opened=held if run.quick else 2 * held, held=held)
        outcome.expect(
            all(_tells_of_submits(stream) for stream in followed), "a stream was dropped"
        )
        outcome.settle(site, 60)
        outcome.expect(
            {child.pid for child in api.children()} == processes, "a process was started again"
        )
    return outcome


@row(
    "F-37a", "a process of the API with 256 descriptors: all streams, and 1,000 unfinished requests"
)
def few_descriptors(run: Run) -> Outcome:
    outcome = Outcome(limit=LIMIT_SECONDS)
    with run.site() as site, contextlib.ExitStack() as stack:
        log = site.directory / "few.log"
        api = ApiWithFewDescriptors(log, 256, redis_url=site.server.url, http_workers=1)
        site.api = stack.enter_context(api)
        site.with_maintenance()
        site.with_worker(2)
        processes = {child.pid for child in api.children()}
        streams = 0
        while (opened := open_stream(api.port))[0] == 200:
            stack.enter_context(opened[1])
            streams += 1
        opened[1].close()
        outcome.expect(opened[0] == 503, f"stream {streams + 1} had the status {opened[0]}")
        _attack_and_use(site, outcome, opened=run.times(20_000), held=1_000)
        outcome.settle(site, 60)
        outcome.expect(
            {child.pid for child in api.children()} == processes, "a process was started again"
        )
        outcome.expect("Too many open files" not in log.read_text(), "the descriptors were used up")
        outcome.notes.append(f"{streams} streams")
    return outcome


def _attack_and_use(site: Site, outcome: Outcome, *, opened: int, held: int) -> None:
    """Open connections, hold the latest, and use the service after each wave.

    Each use counts as a recovery.
    """
    with _held(held) as connections:
        for _ in range(0, opened, WAVE):
            for _ in range(WAVE):
                if len(connections) == held:
                    connections.popleft().close()
                connections.append(connect(site.api.port, UNFINISHED, seconds=LIMIT_SECONDS))
            began = time.monotonic()
            with requests.Session() as session:
                alive = session.get(site.url("/livez"), timeout=LIMIT_SECONDS)
                submitted = site.post(session=session)
            outcome.expect(
                alive.ok and submitted.ok, f"{alive.status_code} and {submitted.status_code}"
            )
            outcome.recoveries.append(time.monotonic() - began)
            outcome.repetitions += 1
    outcome.notes.append(f"(/livez and a submit after each {WAVE} of {opened} connections)")


@contextlib.contextmanager
def _held(number: int) -> Iterator[deque[socket]]:
    connections: deque[socket] = deque(maxlen=number)
    try:
        yield connections
    finally:
        for connection in connections:
            connection.close()


def _tells_of_submits(stream: requests.Response) -> bool:
    """Return whether a stream tells of the tasks that were submitted since it was opened."""
    deadline = time.monotonic() + STREAM_SECONDS
    with contextlib.suppress(requests.RequestException):
        for line in stream.iter_lines(chunk_size=1):
            if line == b"event: task.submitted" or time.monotonic() > deadline:
                return bool(line.endswith(b"submitted"))
    return False
