"""Run plain functions as the work of tasks."""

import asyncio
import threading
from dataclasses import dataclass
from datetime import date
from typing import Annotated, Any, Literal

import pytest
from pydantic import BaseModel, Field

from adapters.handlers.python_function import UnusableFunction
from application.errors import HandlerFailed, RunStopped
from domain.errors import InvalidPayload
from tests.building import a_task
from tests.fakes.run_context import FakeRunContext
from tests.unit.adapters.functions import handler, run, validate


def thumbnail(
    url: str,
    width: Annotated[int, Field(ge=1)] = 256,
    *,
    fit: Literal["box", "fill"] = "box",
    context: Any,
):
    """Make a preview of the picture at url."""
    context.progress(0.5, "fetched")
    context.log("resizing")
    return {"path": f"{url}/{width}/{fit}", "task_id": context.task_id, "attempt": context.attempt}


def test_the_signature_becomes_the_schema_and_the_docstring_the_description():
    type = handler(thumbnail).type

    assert (type.name, type.description) == ("thumbnail", "Make a preview of the picture at url.")
    assert type.payload_schema["required"] == ["url"]
    assert type.payload_schema["additionalProperties"] is False
    assert type.payload_schema["properties"] == {
        "url": {"title": "Url", "type": "string"},
        "width": {"title": "Width", "type": "integer", "minimum": 1, "default": 256},
        "fit": {"title": "Fit", "type": "string", "enum": ["box", "fill"], "default": "box"},
    }


def test_the_function_gets_its_payload_and_its_context():
    context = FakeRunContext()
    task = a_task(type="thumbnail", payload={"url": "a", "width": 3})

    result = handler(thumbnail).run(task, context)

    assert result == {"path": "a/3/box", "task_id": task.task_id, "attempt": 0}
    assert (context.reports, context.lines) == ([(0.5, "fetched")], ["resizing"])


def test_every_violation_of_a_payload_is_listed():
    with pytest.raises(InvalidPayload) as refusal:
        validate(thumbnail, {"width": "3", "fit": "stretch", "a/b~c": 1})

    assert refusal.value.violations == [
        ("payload/url", "Field required."),
        ("payload/width", "Input should be a valid integer."),
        ("payload/fit", "Input should be 'box' or 'fill'."),
        ("payload/a~1b~0c", "Extra inputs are not permitted."),
    ]


def test_a_type_that_json_lacks_is_read_from_text():
    def report(day: date, sizes: dict[str, list[float]]) -> str:
        return f"{day:%d.%m.%Y} {sizes}"

    assert run(report, day="2026-11-24", sizes={"a": [1.5]}) == "24.11.2026 {'a': [1.5]}"
    with pytest.raises(InvalidPayload, match="payload/day"):
        validate(report, {"day": "24.11.", "sizes": {}})


def test_a_function_without_hints_accepts_any_value_and_one_with_keywords_any_member():
    def anything(first, **more):
        return {"first": first, **more}

    assert run(anything, first=None, second=2) == {"first": None, "second": 2}


def test_the_inside_of_a_model_is_checked_strictly():
    class Order(BaseModel):
        pieces: int

    def pack(order: Order, **more: int) -> int:
        return order.pieces + sum(more.values())

    assert run(pack, order={"pieces": 1}, first=2) == 3
    assert handler(pack).type.payload_schema["additionalProperties"] == {"type": "integer"}
    with pytest.raises(
        InvalidPayload, match="payload/order/pieces: Input should be a valid integer"
    ):
        validate(pack, {"order": {"pieces": "1"}})
    with pytest.raises(InvalidPayload, match="payload/first: Input should be a valid integer"):
        validate(pack, {"order": {"pieces": 1}, "first": "2"})


def test_a_payload_that_no_longer_fits_fails_the_task_without_a_retry():
    with pytest.raises(
        HandlerFailed, match=r"no longer fits shop\.tasks:thumbnail: payload/url: Field required"
    ) as failure:
        run(thumbnail)

    assert failure.value.retry is False


def yields():
    yield 1


def positional(first, /):
    pass


def many(*all):
    pass


def unreadable(what: "Nowhere"):  # noqa: F821
    pass


def no_json(what: threading.Lock):
    pass


@pytest.mark.parametrize(
    ("function", "why"),
    [
        (yields, "yields"),
        (positional, "first cannot be given by name"),
        (many, "all cannot be given by name"),
        (unreadable, "type hints cannot be read: name 'Nowhere' is not defined"),
        (no_json, "type hints cannot be read"),
    ],
)
def test_an_unusable_function_is_refused_with_the_reason(function, why):
    with pytest.raises(UnusableFunction, match=why):
        handler(function)


def test_a_validator_that_raises_is_a_violation():
    @dataclass
    class Share:
        of: int

        def __post_init__(self) -> None:
            self.each = 1 / self.of

    def split(share: Share) -> float:
        return share.each

    with pytest.raises(
        InvalidPayload, match="Cannot be checked: ZeroDivisionError: division by zero"
    ):
        validate(split, {"share": {"of": 0}})


@pytest.mark.parametrize("error", [SystemExit(3), KeyboardInterrupt(), asyncio.CancelledError()])
def test_an_exception_that_would_end_the_process_fails_the_run(error):
    def leave() -> None:
        raise error

    with pytest.raises(HandlerFailed, match=type(error).__name__):
        run(leave)


def test_a_stop_request_is_raised_again():
    def stopped() -> None:
        raise RunStopped

    with pytest.raises(RunStopped):
        run(stopped)


def test_a_coroutine_is_awaited_and_its_output_is_logged():
    async def slow(name: str) -> str:
        await asyncio.sleep(0)
        print("awake")
        return name.upper()

    context = FakeRunContext()
    assert run(slow, context, name="x") == "X"
    assert context.lines == ["awake"]


def test_a_stop_request_cancels_a_coroutine_which_may_clean_up():
    context = FakeRunContext()
    seen = []

    async def endless() -> None:
        try:
            context.request_stop()
            await asyncio.Event().wait()
        finally:
            seen.append("cleaned up")

    with pytest.raises(RunStopped):
        run(endless, context)

    assert seen == ["cleaned up"]
