"""What every TaskHandlers must do."""

import pytest

from application.errors import UnknownTaskType
from application.ports.task_handlers import TaskHandlers


class TaskHandlersContract:
    def test_the_type_sleep_has_a_handler(self, handlers: TaskHandlers) -> None:
        assert handlers.of_type("sleep")

    def test_an_unknown_type_is_refused_by_its_name(self, handlers: TaskHandlers) -> None:
        with pytest.raises(UnknownTaskType, match="'dance'"):
            handlers.of_type("dance")
