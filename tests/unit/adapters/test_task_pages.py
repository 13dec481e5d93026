"""Pages are read and written a few at a time."""

from unittest.mock import Mock

from adapters.redis.records import PlacedRecord
from adapters.redis.task_pages import MAX_PAGES, RedisTaskPages
from application.ports.task_repository import PageRequest
from application.task_filter import EVERY_TASK


def test_a_page_has_its_place_until_its_texts_are_written() -> None:
    free: list[int] = []

    def note_free_places(*_: object) -> list[PlacedRecord]:
        free.append(pages._pages._value)
        return [PlacedRecord(b"x" * 16, None, None)]

    records, search = Mock(placed=note_free_places), Mock()
    pages = RedisTaskPages(records, search, note_free_places)

    assert pages.texts(EVERY_TASK, PageRequest()).texts == []

    assert free == [MAX_PAGES - 1] * 2
    assert pages._pages._value == MAX_PAGES
