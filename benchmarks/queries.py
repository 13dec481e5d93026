"""Lists with filters, and tasks that have something to filter by."""

from collections.abc import Mapping
from itertools import repeat

from benchmarks.connections import any_connections
from benchmarks.load import ClosedLoop, get
from benchmarks.stored_tasks import Members, OurTasks, fill_in_batches
from benchmarks.subjects import Subject

LABEL, ONE_STATUS, ONE_QUEUE = "label (1 of 1,000)", "status (1 of 10)", "queue (half)"

SINGLE: Mapping[str, str] = {
    "first page": "",
    "page in the middle": "&page={middle}",
    "newest first": "&sort=-submitted_at",
    "status (9 of 10)": "&status=QUEUED",
    ONE_STATUS: "&status=CANCELLED",
    "status, page in the middle": "&status=QUEUED&page={middle_queued}",
    "type (all)": "&type=sleep",
    ONE_QUEUE: "&queue=half1",
    LABEL: "&label.shard=7",
}
"""One filter at most. Each has an index, so that its time should not grow."""
COMBINED: Mapping[str, str] = {
    "label and status": "&label.shard=7&status=CANCELLED",
    "queue and status": "&queue=half1&status=CANCELLED",
    "label and queue": "&label.shard=7&queue=half1",
}
PARTS: Mapping[str, tuple[str, str]] = {
    "label and status": (LABEL, ONE_STATUS),
    "queue and status": (ONE_QUEUE, ONE_STATUS),
    "label and queue": (LABEL, ONE_QUEUE),
}
"""The filters that each combination consists of."""
HARD: Mapping[str, str] = {
    "two statuses": "&status=QUEUED,CANCELLED",
    "queue and status that never meet": "&queue=half0&status=CANCELLED",
    "text that is nowhere": "&q=nowhere",
}
"""They examine tasks: 50,000 a call at most, and then they say where to go on."""
EVERY: Mapping[str, str] = {**SINGLE, **COMBINED, **HARD}


def fill_for_queries(subject: Subject, first: int, last: int) -> None:
    """Store tasks with two queues and a thousand labels. Each tenth is cancelled."""
    tasks = OurTasks(subject.store.url)

    def write(numbers: range) -> list[str]:
        added = tasks.add([_members(number) for number in numbers])
        tasks.cancel_each(added[1::10])
        return [task.task_id for task in added]

    subject.task_ids += fill_in_batches(first, last, write, "storing tasks")
    tasks.close()
    subject.store.wait_for_quiet()


def query_p50(subject: Subject, query: str, seconds: float) -> float:
    """Return the p50 in ms of a page of 10, over one connection."""
    stored = len(subject.task_ids)
    middle = {"middle": stored // 20, "middle_queued": stored * 9 // 200}
    path = f"/tasks?page_size=10{EVERY[query].format(**middle)}"
    with any_connections(subject.address, 1) as connections:
        return ClosedLoop(connections, repeat(get(path))).run(seconds=seconds).percentile(50)


def _members(number: int) -> Members:
    return {"queue": f"half{number % 2}", "labels": {"shard": str(number // 10 % 1_000)}}
