"""Members of a payload that its schema marks as writeOnly are masked, and kept beside it."""

from typing import Any

import pytest

from application.secret_members import (
    MASK,
    Redaction,
    fill_in,
    seal,
    unseal,
    unstored_masks,
)
from application.secret_schema import SecretSchema
from domain.task_spec import TaskSpec
from tests.building import a_spec

SECRET = {"type": "string", "writeOnly": True}
SCHEMA = {
    "properties": {
        "user": {"type": "string"},
        "password": SECRET,
        "accounts": {"type": "array", "items": {"$ref": "#/$defs/Account"}},
        "pair": {"type": "array", "prefixItems": [{"type": "string"}, SECRET]},
        "choice": {"anyOf": [{"type": "null"}, {"$ref": "#/$defs/Account"}]},
        "tokens": {"additionalProperties": SECRET},
        "x/y~z": SECRET,
        "tree": {"$ref": "#/$defs/Node"},
        "all": {"allOf": [{"type": "object"}, {"writeOnly": True}]},
        "named": {"patternProperties": {"^key_": SECRET}},
    },
    "$defs": {
        "Account": {"properties": {"name": {"type": "string"}, "pin": {**SECRET}}},
        "Node": {
            "properties": {
                "value": SECRET,
                "below": {"type": "array", "items": {"$ref": "#/$defs/Node"}},
            }
        },
    },
}


def sealed(payload: dict[str, Any], schema: dict[str, Any] = SCHEMA) -> TaskSpec:
    return seal(a_spec(type="t", payload=payload), SecretSchema(schema).find(payload))


@pytest.mark.parametrize(
    ("payload", "masked"),
    [
        ({"user": "ada", "password": "hunter2"}, {"user": "ada", "password": MASK}),
        ({"password": None}, {"password": MASK}),
        ({"password": {"not": ["text"]}}, {"password": MASK}),
        (
            {"accounts": [{"name": "a", "pin": "1234"}, {"name": "b"}, 5]},
            {"accounts": [{"name": "a", "pin": MASK}, {"name": "b"}, 5]},
        ),
        ({"pair": ["a", "b", "c"]}, {"pair": ["a", MASK, "c"]}),
        ({"choice": {"pin": "1"}}, {"choice": {"pin": MASK}}),
        ({"tokens": {"a": "x", "b": "y"}}, {"tokens": {"a": MASK, "b": MASK}}),
        ({"x/y~z": "s"}, {"x/y~z": MASK}),
        (
            {"tree": {"value": "1", "below": [{"value": "2", "below": [{"value": "3"}]}]}},
            {"tree": {"value": MASK, "below": [{"value": MASK, "below": [{"value": MASK}]}]}},
        ),
        ({"all": {"a": 1}}, {"all": MASK}),
        ({"named": {"key_a": "s", "other": "o"}}, {"named": {"key_a": MASK, "other": "o"}}),
        ({"unknown": {"password": "p"}}, {"unknown": {"password": "p"}}),
    ],
)
def test_marked_members_are_masked_wherever_they_are(
    payload: dict[str, Any], masked: dict[str, Any]
) -> None:
    spec = sealed(payload)

    assert spec.payload == masked
    assert unseal(spec).payload == payload
    assert (spec.secrets is None) == (payload == masked)
    assert unseal(spec).secrets is None
    assert "hunter2" not in repr(spec)


def test_a_schema_without_marks_and_one_that_marks_everything_mask_nothing() -> None:
    for schema in ({"properties": {"a": {"type": "string"}}}, {"writeOnly": True}):
        assert sealed({"a": "b"}, schema).secrets is None


def test_a_mask_stands_for_the_stored_value_of_its_place() -> None:
    before = sealed({"user": "ada", "password": "hunter2", "tokens": {"a": "x", "b": "y"}})

    opened = fill_in({"user": "bob", "password": MASK, "tokens": {"b": MASK, "c": "z"}}, before)

    assert opened.payload == {"user": "bob", "password": "hunter2", "tokens": {"b": "y", "c": "z"}}
    tree = SecretSchema(SCHEMA).find(opened.payload)
    assert unstored_masks(tree, opened.kept) == []


def test_an_item_of_a_list_gets_its_value_only_where_it_is_unchanged() -> None:
    before = sealed({"accounts": [{"name": "a", "pin": "1234"}, {"name": "b", "pin": "5678"}]})
    masked = [{"name": "a", "pin": MASK}, {"name": "b", "pin": MASK}]

    same = fill_in({"accounts": [*masked, {"name": "c", "pin": "9"}]}, before)
    moved = fill_in({"accounts": masked[1:]}, before)

    assert [each["pin"] for each in same.payload["accounts"]] == ["1234", "5678", "9"]
    assert moved.payload == {"accounts": masked[1:]}
    [(pointer, message)] = unstored_masks(SecretSchema(SCHEMA).find(moved.payload), moved.kept)
    assert pointer == "payload/accounts/0/pin"
    assert message.startswith("Must be the value itself.")


def test_a_stored_secret_stays_one_when_its_type_does_not_mark_it_any_more() -> None:
    before = sealed({"password": "hunter2"})
    opened = fill_in(before.payload, before)

    again = seal(before.with_payload(opened.payload, None), None, opened.kept)

    assert (again.payload, unseal(again).payload) == ({"password": MASK}, {"password": "hunter2"})


def test_texts_repeat_no_secret() -> None:
    secrets = sealed(
        {
            "password": 'a "b" ä\nline two',
            "tokens": {"number": 123456, "short": "abc", "list": ["nested secret"]},
        }
    ).secrets
    redaction = Redaction(secrets)

    assert redaction.text("login as 123456 with nested secret!") == f"login as {MASK} with {MASK}!"
    assert redaction.text("line two of it") == f"{MASK} of it"
    assert redaction.text(r"""{"p": "a \"b\" \u00e4\nline two"}""") == f'{{"p": "{MASK}"}}'
    assert redaction.text("abc") == "abc"
    assert Redaction(None).text("anything") == "anything"
