"""Hold each TaskHandlers to its port."""

import pytest

from application.errors import UnknownTaskType
from application.ports.task_handlers import TaskHandlers
from domain.errors import InvalidTaskSpec
from domain.task_spec import DEFAULT_TYPE
from tests.building import a_spec


class TaskHandlersContract:
    def test_the_default_type_has_a_handler(self, handlers: TaskHandlers) -> None:
        assert handlers.of_type(DEFAULT_TYPE).type.name == DEFAULT_TYPE

    def test_an_unknown_type_is_named_in_the_error(self, handlers: TaskHandlers) -> None:
        with pytest.raises(UnknownTaskType, match="'dance'"):
            handlers.of_type("dance")

    def test_each_type_has_a_description_and_a_schema(self, handlers: TaskHandlers) -> None:
        [sleep] = [type for type in handlers.types() if type.name == "sleep"]

        assert sleep.description
        assert sleep.payload_schema["type"] == "object"

    def test_only_known_types_are_accepted(self, handlers: TaskHandlers) -> None:
        handlers.validate(a_spec())

        with pytest.raises(InvalidTaskSpec) as refusal:
            handlers.validate(a_spec(type="dance"))

        assert [pointer for pointer, _ in refusal.value.violations] == ["type"]
