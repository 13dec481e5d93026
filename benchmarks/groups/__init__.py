"""The groups of `make bench`: each measures, and adds what it found to the findings."""

from collections.abc import Callable, Mapping
from pathlib import Path

from benchmarks.findings import Findings
from benchmarks.groups import filters, idle, keys, read, start, storage, submit, worker
from benchmarks.plan import Plan

GROUPS: Mapping[str, Callable[[Path, Plan, Findings], None]] = {
    "submit": submit.measure,
    "read": read.measure,
    "filters": filters.measure,
    "keys": keys.measure,
    "worker": worker.measure,
    "idle": idle.measure,
    "storage": storage.measure,
    "start": start.measure,
}
