import json

from application.ports.task_pages import TaskPages, TextPage
from application.ports.task_repository import PageRequest
from application.task_filter import TaskFilter
from application.task_serializer import serialize_task
from tests.fakes.task_store import FakeTaskStore


class FakeTaskPages(TaskPages):
    def __init__(self, store: FakeTaskStore) -> None:
        self._store = store

    def texts(
        self, wanted: TaskFilter, page_request: PageRequest, *, with_positions: bool = True
    ) -> TextPage:
        page = self._store.find(wanted, page_request)
        positions = self._store.positions(page.tasks) if with_positions else {}
        texts = [
            json.dumps(serialize_task(task, positions.get(task.task_id))).encode()
            for task in page.tasks
        ]
        return TextPage(texts=texts, total=page.total, next=page.next)
