"""Encode what happened in a minute or an hour: the counters of save.lua, and short texts."""

import json
import zlib
from collections import Counter
from collections.abc import Callable
from typing import Any

from application.series import MAX_BUCKET, OTHERS, Count, Counted, Counts, Interval
from application.task_totals import TaskTotals, Total

MAX_TEXT_BYTES = 5_000
"""Queues and types with few tasks are summed up as OTHERS until a text is short enough."""
MAX_EXPANDED_BYTES = 1_000_000
MAX_EXPANDED_TOTALS = 4_000_000
"""More than 402 names of 200 characters with 98 durations each."""
LETTERS = {
    Counted.SUBMITTED: "S",
    Counted.COMPLETED: "C",
    Counted.FAILED: "F",
    Counted.CANCELLED: "X",
    Counted.EXPIRED: "E",
    Counted.RETRIED: "R",
}
COUNTED = {letter: what for what, letter in LETTERS.items()}
SEPARATOR = "\0"
"""No queue and no type contains it."""


def encode_count(count: Count) -> str:
    """Return the name of a counter. Its first letter alone counts beside all others."""
    parts = [f"{LETTERS[count.what]}{count.queue}", count.type]
    if count.wait is not None:
        parts += (str(count.wait), str(count.run))
    return SEPARATOR.join(parts)


def decode_count(name: bytes) -> Count:
    """Return what a counter counts. Raises ValueError and KeyError for a damaged name."""
    text = name.decode()
    what, (queue, *rest) = COUNTED[text[:1]], text[1:].split(SEPARATOR)
    if not rest:
        return Count(what, OTHERS, OTHERS)
    kind, *buckets = rest
    if not buckets:
        return Count(what, queue, kind)
    wait, run = map(_bucket, buckets)
    return Count(what, queue, kind, wait, run)


def encode_interval(interval: Interval) -> bytes:
    """Return the sums as a text of at most MAX_TEXT_BYTES."""
    number = max(len(interval.queues), len(interval.types))
    while True:
        members = [_encode(_largest(each, number)) for each in (interval.queues, interval.types)]
        text = zlib.compress(json.dumps(members, separators=(",", ":")).encode())
        if len(text) <= MAX_TEXT_BYTES or number == 0:
            return text
        number //= 2


def decode_interval(text: bytes) -> Interval:
    """Return the sums. Raises an error for damaged text."""
    expander = zlib.decompressobj()
    queues, types = json.loads(expander.decompress(text, MAX_EXPANDED_BYTES))
    return Interval(
        queues={str(name): _decode(row) for name, row in queues.items()},
        types={str(name): _decode(row) for name, row in types.items()},
    )


def encode_totals(totals: TaskTotals) -> bytes:
    """Return the totals as a text: the durations of waits by queue, and those of runs by type."""
    members = [
        {name: _total(each, each.wait) for name, each in totals.queues.items()},
        {name: _total(each, each.run) for name, each in totals.types.items()},
    ]
    return zlib.compress(json.dumps(members, separators=(",", ":")).encode())


def decode_totals(text: bytes, let_others_run: Callable[[], None] = lambda: None) -> TaskTotals:
    """Return the totals. Raises an error for damaged text.

    `let_others_run` is called between names: a text of 200 queues and types takes 20 ms.
    """
    expander = zlib.decompressobj()
    queues, types = json.loads(expander.decompress(text, MAX_EXPANDED_TOTALS))
    totals = TaskTotals()
    for name, (numbers, pairs, latest) in queues.items():
        let_others_run()
        totals.queues[str(name)] = Total(
            of=_counter(numbers), wait=_histogram(pairs), latest=int(latest)
        )
    for name, (numbers, pairs, latest) in types.items():
        let_others_run()
        totals.types[str(name)] = Total(
            of=_counter(numbers), run=_histogram(pairs), latest=int(latest)
        )
    return totals


def _total(total: Total, durations: Counter[int]) -> list[Any]:
    return [[total.of[what] for what in Counted], _pairs(durations), total.latest]


def _largest(groups: dict[str, Counts], number: int) -> dict[str, Counts]:
    """Return so many groups, and the others together."""
    if len(groups) <= number:
        return groups
    ordered = sorted(groups, key=lambda name: (name == OTHERS, -groups[name].activity))
    kept = {name: groups[name] for name in ordered[:number] if name != OTHERS}
    others = Counts()
    for name in groups.keys() - kept.keys():
        others.merge(groups[name])
    return {**kept, OTHERS: others}


def _encode(groups: dict[str, Counts]) -> dict[str, list[Any]]:
    return {
        name: [
            [counts.of[what] for what in Counted],
            _pairs(counts.wait),
            _pairs(counts.run),
            counts.backlog,
        ]
        for name, counts in groups.items()
    }


def _decode(row: Any) -> Counts:
    numbers, wait, run, backlog = row
    return Counts(
        of=_counter(numbers),
        wait=_histogram(wait),
        run=_histogram(run),
        backlog=None if backlog is None else int(backlog),
    )


def _counter(numbers: Any) -> Counter[Counted]:
    return Counter({what: int(number) for what, number in zip(Counted, numbers, strict=True)})


def _pairs(histogram: Counter[int]) -> list[int]:
    return [number for pair in sorted(histogram.items()) for number in pair]


def _histogram(pairs: Any) -> Counter[int]:
    return Counter(
        {_bucket(at): int(number) for at, number in zip(pairs[::2], pairs[1::2], strict=True)}
    )


def _bucket(given: Any) -> int:
    bucket = int(given)
    if not 0 <= bucket <= MAX_BUCKET:
        raise ValueError(f"no bucket: {bucket}")
    return bucket
