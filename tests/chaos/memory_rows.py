"""Rows about memory: streams that nobody reads, pages of large tasks, large results."""

import contextlib
import socket
import threading
import time
from datetime import UTC, datetime, timedelta
from functools import partial

import requests

from adapters.celery.app import create_celery_app
from adapters.celery.wake_ups import WakeUpFactory
from adapters.redis.connection import connect
from adapters.redis.store import RedisStore
from adapters.redis.task_leases import RedisTaskLeases
from adapters.system.task_ids import UuidTaskIds
from application.ports.task_repository import Change
from domain.task import Task
from domain.task_spec import TaskSpec
from tests.chaos.background import Background
from tests.chaos.checker import count
from tests.chaos.row import Outcome, Run, row
from tests.chaos.site import Site
from tests.integration.following import Follower
from tests.integration.memory import PeakMemory
from tests.integration.waiting import wait_until

MEGABYTE = 1_000_000
LARGE_TASKS = 100
STREAMS = 32
LIMIT = 100 * MEGABYTE
LARGE_QUEUE = "large"
MAX_MEMORY = 16 * 2**20
LARGE_RESULTS, RESULTS_LEFT = 25, 5
"""Number of results of a megabyte, and how many stay; those fit into MAX_MEMORY."""
LEASE = timedelta(seconds=15)


@row("F-38", "streams that nobody reads and large pages, beside work")
def slow_readers_and_large_pages(run: Run) -> Outcome:
    outcome = Outcome(repetitions=STREAMS)
    with run.site() as site:
        site.with_service()
        complete_large_tasks(site, LARGE_TASKS)
        pages: list[int] = []
        with contextlib.ExitStack() as connections, PeakMemory(site.api) as memory:
            for _ in range(STREAMS):
                connections.enter_context(stream_without_reading(site))
            reader = Follower(site.api, "/events?queue=default")
            with Background([partial(list_all_the_time, site, pages)]):
                for _ in range(run.times(1_000)):
                    site.submit(ms=1)
                outcome.settle(site, 120)
                wait_until(lambda: len(completed(reader)) >= len(site.accepted), 60)
        told = completed(reader)
        outcome.expect(
            sorted(told) == sorted(site.accepted),
            f"{len(told)} of {len(site.accepted)} ends were told",
        )
        outcome.expect("stream.gap" not in reader.names(), "a stream that was read had a gap")
        outcome.expect(
            bool(pages) and set(pages) == {LARGE_TASKS},
            f"pages had {sorted(set(pages))} large tasks",
        )
        outcome.expect(memory.growth < LIMIT, f"the API grew by {memory.growth // MEGABYTE} MB")
        outcome.notes.append(
            f"{len(pages)} pages of {LARGE_TASKS} MB, the API grew by {memory.growth // MEGABYTE} "
            "MB"
        )
    return outcome


@row(
    "F-43",
    "results beyond the maxmemory of Redis beside a long task; then most of them are deleted",
)
def results_beyond_memory(run: Run) -> Outcome:
    outcome = Outcome(repetitions=LARGE_RESULTS, limit=15.0)
    with run.site(lease=6) as site:
        site.with_api()
        processes = [site.with_maintenance(), site.with_worker(2)]
        client = site.server.client
        client.config_set("maxmemory", MAX_MEMORY)
        long = site.submit("tick", 1_000 * run.times(60))
        site.running(1)
        # The queue is paused, so that all are accepted before their results close the store.
        site.session.post(site.url("/queues/default/pause"), timeout=30).raise_for_status()
        large = [site.submit(kb="1000") for _ in range(LARGE_RESULTS)]
        site.session.post(site.url("/queues/default/resume"), timeout=30).raise_for_status()
        site.settle(120, large)
        wait_until(
            lambda: client.info("memory")["used_memory"] > MAX_MEMORY and client.exists("tm:full"),
            30,
        )
        refused = site.post()
        outcome.expect(
            refused.status_code == 503, f"a submit beyond memory was a {refused.status_code}"
        )
        for path in ("/tasks", "/stats", "/queues", "/workers", f"/tasks/{large[0]}"):
            status = site.session.get(site.url(path), timeout=30).status_code
            outcome.expect(status == 200, f"GET {path} beyond memory was a {status}")
        wait_until(
            lambda: len(site.session.get(site.url("/workers"), timeout=30).json()["workers"]) == 1,
            10,
        )
        deleted = large[:-RESULTS_LEFT]
        outcome.tasks += len(deleted)
        outcome.counts += count(deleted, site.tasks(deleted), site.journal.executions)
        for task_id in deleted:
            status = site.session.delete(site.url(f"/tasks/{task_id}"), timeout=30).status_code
            outcome.expect(status == 204, f"DELETE beyond memory was a {status}")
            site.accepted.remove(task_id)
        freed = time.monotonic()
        wait_until(lambda: site.post().ok, 60, every=0.1)
        outcome.recoveries.append(time.monotonic() - freed)
        outcome.settle(site, 120)
        outcome.expect_crashes(site, 0, [long])
        outcome.expect_quiet(*processes)
        outcome.notes.append("(from the last delete to a submit that is accepted)")
    return outcome


def completed(reader: Follower) -> list[str]:
    return [
        event["data"]["task_id"]
        for event in list(reader.events)
        if event["event"] == "task.completed"
    ]


def complete_large_tasks(site: Site, number: int) -> None:
    """Store tasks with a result of a megabyte each, in a queue that no worker serves."""
    wake_up_factory = WakeUpFactory(create_celery_app(site.server.url, [LARGE_QUEUE]))
    leases = RedisTaskLeases(
        RedisStore(connect(site.server.url)),
        site.repository,
        wake_up_factory.wake_up_of,
        LEASE,
        100_000,
    )
    ids = UuidTaskIds()
    for each in range(number):
        spec = TaskSpec(task_name="large", duration=1, queue=LARGE_QUEUE)
        site.repository.add([Task.submit(ids.next(), spec, datetime.now(UTC))])
        held = leases.claim(LARGE_QUEUE, owner=f"large:{each}", claim_id="1")
        if held is None:
            raise AssertionError("a task that waits was not claimed")
        site.repository.save(
            Change(before=held, after=held.complete("x" * MEGABYTE, datetime.now(UTC)))
        )


def stream_without_reading(site: Site) -> socket.socket:
    connection = socket.create_connection(("127.0.0.1", site.api.port), 30)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
    connection.sendall(b"GET /events HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
    connection.recv(1)
    return connection


def list_all_the_time(site: Site, pages: list[int], ended: threading.Event) -> None:
    """List whole large tasks, and add how many each page had."""
    with requests.Session() as session:
        while not ended.is_set():
            url = site.url(f"/tasks?queue={LARGE_QUEUE}&page_size=100&full=true")
            tasks = session.get(url, timeout=120).json()["tasks"]
            pages.append(sum(len(task["result"]) == MEGABYTE for task in tasks))
