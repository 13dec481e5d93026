"""Measure open event streams of one process of the API, and the latency of other requests."""

import selectors
import socket
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import repeat
from pathlib import Path

import psutil  # type: ignore[import-untyped]  # it ships no types

from benchmarks.connections import any_connections
from benchmarks.load import ClosedLoop, LoadFailed, get
from benchmarks.processes import running_store
from benchmarks.progress import counted, say
from benchmarks.scaling.plan import ScalingPlan
from benchmarks.stored_tasks import OurTasks
from benchmarks.subjects import Subject, running_ours

OPENING_SECONDS = 60.0
TELLING_SECONDS = 30.0
WAVE = 50
"""Number of streams that are opened at the same time."""
FOLLOWED = 50
"""Number of followed tasks, each with the same number of followers."""


@dataclass(frozen=True)
class Streams:
    number: int
    opened_seconds: float
    kib_each: float
    """KiB per stream that was opened wave by wave."""
    kib_after_burst: float
    """KiB per stream when all open at once: the process keeps what simultaneous requests needed."""
    p50_alone: float
    """Milliseconds of another request without any stream."""
    p50_beside: float
    p99_beside: float
    told_seconds: float
    """Time from an event of every followed task until all streams had received it."""


def measure(directory: Path, plan: ScalingPlan) -> str:
    """Open streams wave by wave, and in another process all at once, and measure both."""
    burst = streams_in_waves(directory / "burst", plan, plan.streams)
    waves = streams_in_waves(directory / "waves", plan, WAVE)
    return streams_table(replace(waves, kib_after_burst=burst.kib_each))


def streams_in_waves(directory: Path, plan: ScalingPlan, wave: int) -> Streams:
    with (
        running_store(directory) as store,
        running_ours(store, directory / "ours.log", workers=1) as subject,
    ):
        tasks = OurTasks(store.url)
        ids = [tasks.submit().task_id for _ in range(FOLLOWED)]
        alone = other_requests(subject, plan)
        server = psutil.Process(subject.process.pid).children()[0]
        before = server.memory_info().rss
        began = time.monotonic()
        streams: list[socket.socket] = []
        try:
            for first in counted(
                range(0, plan.streams, wave),
                total=-(-plan.streams // wave),
                what="waves of streams",
            ):
                numbers = range(first, min(first + wave, plan.streams))
                streams += [opened(subject, ids[number % FOLLOWED]) for number in numbers]
                wait_for(streams[first:], b"task.snapshot", OPENING_SECONDS)
            opened_seconds = time.monotonic() - began
            kib = (server.memory_info().rss - before) / 1024 / plan.streams
            beside = other_requests(subject, plan)
            began = time.monotonic()
            for task_id in ids:
                tasks.cancel(task_id)
            wait_for(streams, b"task.cancelled", TELLING_SECONDS)
            told = time.monotonic() - began
        finally:
            for stream in streams:
                stream.close()
            tasks.close()
    say(f"  {plan.streams:,} streams: {kib:.1f} KiB each, others in {beside[0]:.1f} ms")
    return Streams(plan.streams, opened_seconds, kib, kib, alone[0], *beside, told)


def opened(subject: Subject, task_id: str) -> socket.socket:
    stream = socket.create_connection(subject.address, timeout=OPENING_SECONDS)
    stream.sendall(f"GET /tasks/{task_id}/events HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
    stream.setblocking(False)
    return stream


def wait_for(streams: Sequence[socket.socket], mark: bytes, seconds: float) -> None:
    """Wait until each stream has received the mark. Raises LoadFailed."""
    deadline = time.monotonic() + seconds
    with selectors.DefaultSelector() as selector:
        for stream in streams:
            selector.register(stream, selectors.EVENT_READ, bytearray())
        while selector.get_map():
            if time.monotonic() > deadline:
                raise LoadFailed(
                    f"{len(selector.get_map())} of {len(streams)} streams never had {mark!r}"
                )
            for key, _ in selector.select(1):
                received: bytearray = key.data
                received += key.fileobj.recv(65_536)  # type: ignore[union-attr]  # a socket
                if mark in received:
                    selector.unregister(key.fileobj)


def other_requests(subject: Subject, plan: ScalingPlan) -> tuple[float, float]:
    """Return the p50 and p99 in ms of lists, over one connection."""
    with any_connections(subject.address, 1) as connections:
        load = ClosedLoop(connections, repeat(get("/tasks?page_size=1"))).run(seconds=plan.seconds)
    return load.percentile(50), load.percentile(99)


def streams_table(found: Streams) -> str:
    rows = [
        ("streams held by one process", f"{found.number:,}"),
        ("opened within, s", f"{found.opened_seconds:.1f}"),
        (
            f"memory of the process per stream, opened {WAVE} at a time, KiB",
            f"{found.kib_each:.1f}",
        ),
        ("the same, opened all at once, KiB", f"{found.kib_after_burst:.1f}"),
        ("another request without streams, p50 ms", f"{found.p50_alone:.2f}"),
        ("another request beside them, p50 ms", f"{found.p50_beside:.2f}"),
        ("another request beside them, p99 ms", f"{found.p99_beside:.2f}"),
        (f"an event of each of {FOLLOWED} tasks told to all, s", f"{found.told_seconds:.2f}"),
    ]
    return "\n".join(
        ["| | |", "| --- | ---: |", *(f"| {name} | {figure} |" for name, figure in rows)]
    )
