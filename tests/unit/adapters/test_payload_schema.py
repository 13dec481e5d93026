"""Limit what the errors of a payload cost."""

from typing import Any, NotRequired, Required

import pytest

from adapters.handlers.payload_schema import MAX_FULLY_CHECKED, PayloadSchema
from domain.errors import InvalidPayload

SCHEMA = PayloadSchema(
    "test",
    {
        "numbers": Required[list[int]],
        "either": NotRequired[list[int | bool | dict[str, int]]],
        "rows": NotRequired[list[dict[str, int]]],
        "by_name": NotRequired[dict[str, list[int]]],
        "pairs": NotRequired[tuple[int, ...]],
        "type": NotRequired[dict[str, int]],
    },
)


def violations(payload: dict[str, Any], schema: PayloadSchema = SCHEMA) -> list[str]:
    with pytest.raises(InvalidPayload) as raised:
        schema.read(payload)
    return [pointer for pointer, _ in raised.value.violations]


def test_every_error_of_a_short_payload_is_listed() -> None:
    assert violations({"numbers": ["a", 1, "b"], "by_name": {"x": ["c"]}}) == [
        "payload/numbers/0",
        "payload/numbers/2",
        "payload/by_name/x/0",
    ]


@pytest.mark.parametrize(
    ("member", "value"),
    [
        ("numbers", ["a"] * 29_000),
        ("rows", [{"x": "a"}] * 14_000),
        ("by_name", {str(number): ["a"] for number in range(14_000)}),
        ("pairs", ["a"] * 29_000),
        ("type", {str(number): "a" for number in range(14_000)}),
    ],
)
def test_the_first_error_of_each_collection_of_a_long_payload_is_listed(
    member: str, value: Any
) -> None:
    [pointer] = violations({"numbers": [], member: value})

    assert pointer.startswith(f"payload/{member}/0")


def test_a_union_in_a_long_payload_has_one_error_for_each_branch() -> None:
    assert len(violations({"numbers": [], "either": ["a"] * 29_000})) == 3


def test_too_many_errors_become_one_that_counts_them() -> None:
    assert violations({"numbers": [], **{f"unknown{number}": 1 for number in range(1_001)}}) == [
        "payload"
    ]
    more = PayloadSchema("more", {}, more=int)
    assert violations({f"n{number}": "a" for number in range(20_000)}, more) == ["payload/n0"]


def test_a_long_valid_payload_is_read_as_a_short_one() -> None:
    payload = {
        "numbers": list(range(10_000)),
        "either": [1, True, {"x": 1}] * 1_000,
        "rows": [{"x": 1}],
        "pairs": [1],
    }

    assert len(str(payload)) > MAX_FULLY_CHECKED
    assert SCHEMA.read(payload) == {**payload, "pairs": (1,)}
