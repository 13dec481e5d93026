"""Records are read, and whole ones are bounded until they are passed on."""

from collections.abc import Sequence
from itertools import chain
from unittest.mock import Mock

import pytest

from adapters.redis.id_codec import require_id_bytes
from adapters.redis.records import MAX_WHOLE_READS, TaskRecords
from adapters.redis.task_codec import SEPARATOR, encode
from tests.building import a_task


@pytest.mark.parametrize(("queue", "round_trips"), [("default", 1), ("other", 2)])
def test_a_whole_task_has_its_place_until_its_position_is_known(
    queue: str, round_trips: int
) -> None:
    task, free = a_task(queue=queue), list[int]()
    replies = iter([[encode(task), 4], [4]])

    def reply(_: object) -> list[object]:
        free.append(records._whole_reads._value)
        return next(replies)

    records = TaskRecords(Mock(pipeline=reply))

    assert records.get_with_position(require_id_bytes(task.task_id)) == (task, 5)
    assert free == [MAX_WHOLE_READS - 1] * round_trips


def test_a_slow_reader_holds_few_large_records_and_gets_all() -> None:
    text = {"text": "x" * 4_000}
    labels = {f"{number}": "y" * 255 for number in range(16)}
    tasks = [a_task(type="http", payload=text, labels=labels) for _ in range(30)]
    stored = {require_id_bytes(task.task_id): encode(task) for task in tasks}
    reads: list[Sequence[bytes]] = []

    def call(keys: Sequence[bytes], _: object) -> Sequence[bytes]:
        reads.append([key[-16:] for key in keys[1:]])
        return reads[-1]

    def reply(calls: Sequence[Sequence[bytes]], **_: object) -> list[object]:
        packed = ([SEPARATOR.join(chain(*stored[raw].items())), None] for raw in calls[0])
        return [[b"1-0", *packed]]

    script = Mock(return_value=Mock(call=call))
    records = TaskRecords(Mock(script=script, pipeline_scripts=reply))

    found = [task for task, _ in records.each_with_position(list(stored))]

    assert found == tasks
    size = sum(map(len, chain(*encode(tasks[0]).items())))
    assert max(map(len, reads[1:])) <= 2 * 65_536 // size
    assert sum(map(len, reads)) < 4 * len(tasks)
