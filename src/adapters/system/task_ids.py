"""Make task ids that sort by the time of their creation."""

import uuid_utils

from application.ports.task_ids import TaskIds


class UuidTaskIds(TaskIds):
    def next(self) -> str:
        return str(uuid_utils.uuid7())
