"""Measure filters with very many tasks stored, and the slowest Redis command of each."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import repeat
from pathlib import Path

from benchmarks.connections import any_connections
from benchmarks.load import ClosedLoop, get
from benchmarks.plan import Plan
from benchmarks.progress import counted, say
from benchmarks.stored_tasks import BATCH, OurTasks
from benchmarks.subjects import Store, Subject, running_ours, running_store

FEW = 1_000
ROUND_SECONDS = 2.0
EACH_NTH_IS_CANCELLED = 10
QUERIES = {
    "first page": "page_size=10",
    "page in the middle": "page_size=10&page={middle}",
    "newest first": "page_size=10&sort=-submitted_at",
    "status (9 of 10)": "page_size=10&status=QUEUED",
    "status, page in the middle": "page_size=10&status=QUEUED&page={middle_queued}",
    "type (all)": "page_size=10&type=sleep",
    "queue (half)": "page_size=10&queue=half0",
    "label (1 of 1,000)": "page_size=10&label.shard=7",
    "two statuses": "page_size=10&status=QUEUED,CANCELLED",
    "label and status": "page_size=10&label.shard=7&status=CANCELLED",
    "queue and status": "page_size=10&queue=half1&status=CANCELLED",
    "queue and status that never meet": "page_size=10&queue=half0&status=CANCELLED",
    "text that is nowhere": "page_size=10&q=nowhere",
}


@dataclass(frozen=True)
class Query:
    name: str
    few: float
    """p50 in ms with 1,000 tasks stored."""
    many: float
    slowest_command: float
    """Milliseconds of the slowest command that Redis ran for this query with many tasks."""


@dataclass(frozen=True)
class Scale:
    tasks: int
    bytes_per_task: float
    queries: Sequence[Query]


def filters_at_scale(directory: Path, plan: Plan) -> Scale:
    with (
        running_store(directory) as store,
        running_ours(store, store.url, directory / "ours.log", workers=1) as subject,
    ):
        tasks = OurTasks(store.url)
        empty = store.client.info("memory")["used_memory"]
        fill(tasks, 0, FEW)
        few = {name: measured(store, subject, query, FEW) for name, query in QUERIES.items()}
        fill(tasks, FEW, plan.scale_tasks)
        tasks.close()
        store.wait_for_quiet()
        used = (store.client.info("memory")["used_memory"] - empty) / plan.scale_tasks
        say(f"  {plan.scale_tasks:,} tasks stored, {used:.0f} bytes each")
        queries = []
        for name, query in QUERIES.items():
            p50, slowest = measured(store, subject, query, plan.scale_tasks)
            queries.append(Query(name, few[name][0], p50, slowest))
            say(
                f"  {name}: {few[name][0]:.2f} ms with {FEW:,}, {p50:.2f} ms with "
                f"{plan.scale_tasks:,}"
            )
        return Scale(plan.scale_tasks, used, queries)


def fill(tasks: OurTasks, first: int, last: int) -> None:
    batches = range(first, last, BATCH)
    for start in counted(batches, total=len(batches), what=f"storing tasks, {BATCH} at a time"):
        added = tasks.add([members(number) for number in range(start, min(start + BATCH, last))])
        tasks.cancel_each(added[1::EACH_NTH_IS_CANCELLED])


def members(number: int) -> dict[str, object]:
    return {"queue": f"half{number % 2}", "labels": {"shard": str(number // 10 % 1_000)}}


def measured(store: Store, subject: Subject, query: str, stored: int) -> tuple[float, float]:
    """Return the p50 in ms over one connection, and the ms of the slowest command."""
    middle, middle_queued = stored // 20, stored * 9 // 200
    path = f"/tasks?{query.format(middle=middle, middle_queued=middle_queued)}"
    store.client.config_set("slowlog-log-slower-than", 100)
    store.client.slowlog_reset()
    with any_connections(subject.address, 1) as connections:
        load = ClosedLoop(connections, repeat(get(path))).run(seconds=ROUND_SECONDS)
    slow = [entry["duration"] for entry in store.client.slowlog_get(128)]
    return load.percentile(50), max(slow, default=0) / 1000


def scale_table(found: Scale) -> str:
    lines = [
        f"| | {FEW:,} tasks, p50 ms | {found.tasks:,} tasks, p50 ms | grows by | slowest Redis "
        "command, ms |",
        "| --- | ---: | ---: | ---: | ---: |",
        *(
            f"| {query.name} | {query.few:.2f} | {query.many:.2f} | {query.many / query.few:.2f} "
            f"| {query.slowest_command:.2f} |"
            for query in found.queries
        ),
    ]
    return "\n".join(lines)
