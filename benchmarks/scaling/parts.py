"""Measure what more clients, children, events, labels and queues cost."""

from pathlib import Path

from benchmarks.findings import Sample
from benchmarks.groups.worker import one_round
from benchmarks.page import figure, table
from benchmarks.processes import Store, running_store
from benchmarks.progress import say
from benchmarks.scaling.calls import get_path, get_tasks, post_tasks
from benchmarks.scaling.plan import ScalingPlan
from benchmarks.stored_tasks import OurTasks, fill_in_batches, fill_ours
from benchmarks.subjects import running_ours
from benchmarks.worker_peers import OURS

CONNECTIONS = 8
STORED = 1_000
PENDING = {"TASKS_HTTP_PENDING_PER_CLIENT": "10000"}
"""All clients have one address here, of which 512 requests may be in progress by default."""
CPU_HEADS = ("server CPU ms", "Redis CPU ms")


def clients(directory: Path, plan: ScalingPlan, costs: dict[str, Sample]) -> str:
    """Measure POST and GET with more and more connections, each with a request in progress."""
    rows = []
    with (
        running_store(directory) as store,
        running_ours(store, directory / "ours.log", settings=PENDING) as subject,
    ):
        fill_ours(subject, STORED)
        for number in plan.clients:
            posts = post_tasks(subject, plan.seconds, number)
            reads = get_tasks(subject, plan.seconds, number)
            for name, sample in (("POST /tasks", posts), ("GET /tasks/<id>", reads)):
                rows.append((name, f"{number:,}", *_timed(sample), *_cpu(sample)))
            say(f"  {number:,} clients: {posts.rate:,.0f} POSTs/s, {reads.rate:,.0f} GETs/s")
            _keep_fastest(costs, POST=posts, GET=reads)
    heads = ("call", "clients", "per second", "p50 ms", "p99 ms", *CPU_HEADS)
    return table(heads, sorted(rows, key=lambda row: row[0], reverse=True))


def children(directory: Path, plan: ScalingPlan, costs: dict[str, Sample]) -> str:
    """Measure the empty tasks of a worker with more and more children."""
    rows = []
    for number in plan.children:
        sample = one_round(OURS, number, directory, 2 * plan.seconds)
        rows.append((f"{number}", f"{sample.rate:,.0f}", *_cpu(sample)))
        say(f"  {number} children: {sample.rate:,.0f} tasks/s")
        _keep_fastest(costs, run=sample)
    return table(("children", "empty tasks per second", *CPU_HEADS), rows)


def events(directory: Path, plan: ScalingPlan, _: dict[str, Sample]) -> str:
    """Measure POST with more and more events kept, once that many are there."""
    rows = []
    for kept in plan.events:
        settings = {"TASKS_EVENTS_KEPT": str(kept)}
        folder = directory / str(kept)
        with (
            running_store(folder) as store,
            running_ours(store, folder / "ours.log", settings=settings) as subject,
        ):
            _fill(store, kept, [{}], events_kept=kept)
            stream = store.client.memory_usage("tm:events", samples=0)
            posts = post_tasks(subject, plan.seconds, CONNECTIONS)
        rows.append((f"{kept:,}", f"{stream / 2**20:,.1f}", *_timed(posts)[:2], *_cpu(posts)))
        say(f"  {kept:,} events kept: {posts.rate:,.0f} POSTs/s")
    return table(("events kept", "MiB in Redis", "POSTs per second", "p50 ms", *CPU_HEADS), rows)


def labels(directory: Path, plan: ScalingPlan, _: dict[str, Sample]) -> str:
    """Measure POST and the memory of a task with more and more labels."""
    rows = []
    for number in plan.labels:
        each = [{"labels": _labels(number, task)} for task in range(STORED)]
        folder = directory / str(number)
        with (
            running_store(folder) as store,
            running_ours(store, folder / "ours.log") as subject,
        ):
            empty = store.client.info("memory")["used_memory"]
            _fill(store, plan.label_tasks, each)
            used = (store.client.info("memory")["used_memory"] - empty) / plan.label_tasks
            posts = post_tasks(subject, plan.seconds, CONNECTIONS, each)
        rows.append((f"{number}", f"{used:,.0f}", *_timed(posts)[:2], *_cpu(posts)))
        say(f"  {number} labels: {used:,.0f} bytes a task, {posts.rate:,.0f} POSTs/s")
    heads = ("labels of a task", "bytes of a waiting task", "POSTs per second", "p50 ms")
    return table((*heads, *CPU_HEADS), rows)


def queues(directory: Path, plan: ScalingPlan, _: dict[str, Sample]) -> str:
    """Measure POST, GET /queues and GET /stats with tasks in more and more queues."""
    rows = []
    for number in plan.queues:
        each = [{"queue": f"q{task % number}"} for task in range(max(number, STORED))]
        folder = directory / str(number)
        with (
            running_store(folder) as store,
            running_ours(store, folder / "ours.log") as subject,
        ):
            _fill(store, len(each), each)
            posts = post_tasks(subject, plan.seconds, CONNECTIONS, each)
            lists = [get_path(subject, path, plan.seconds) for path in ("/queues", "/stats")]
        rows.append(
            (f"{number:,}", *_timed(posts)[:2], *_cpu(posts), *(_timed(one)[1] for one in lists))
        )
        say(f"  {number:,} queues: {posts.rate:,.0f} POSTs/s, GET /queues {lists[0].p50:.1f} ms")
    heads = ("queues", "POSTs per second", "p50 ms", *CPU_HEADS)
    return table((*heads, "GET /queues p50 ms", "GET /stats p50 ms"), rows)


def _keep_fastest(costs: dict[str, Sample], **samples: Sample) -> None:
    """Keep the sample with the highest rate of each call."""
    for name, sample in samples.items():
        costs[name] = max(costs.get(name, sample), sample, key=lambda each: each.rate)


def _fill(store: Store, total: int, each: list[dict[str, object]], **settings: int) -> None:
    """Submit tasks with these members in turn."""
    tasks = OurTasks(store.url, **settings)
    fill_in_batches(
        0,
        total,
        lambda numbers: [
            task.task_id for task in tasks.add([each[number % len(each)] for number in numbers])
        ],
        "storing tasks",
    )
    tasks.close()
    store.wait_for_quiet()


def _labels(number: int, task: int) -> dict[str, str]:
    """Return labels of which each key has a hundred values."""
    return {f"key-{label}": str((task + label) % 100) for label in range(number)}


def _timed(sample: Sample) -> tuple[str, str, str]:
    return (f"{sample.rate:,.0f}", figure(sample.p50 or 0), figure(sample.p99 or 0))


def _cpu(sample: Sample) -> tuple[str, str]:
    return figure(sample.server), figure(sample.redis)
