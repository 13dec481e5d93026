"""Records are read, and whole ones are bounded until they are passed on."""

from unittest.mock import Mock

import pytest

from adapters.redis.id_codec import require_id_bytes
from adapters.redis.records import MAX_WHOLE_READS, TaskRecords
from adapters.redis.task_codec import encode
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
