"""The token of a link says what it grants, and nobody can make or change one without the secret."""

from datetime import UTC, datetime
from itertools import combinations

import pytest

from domain.task_link import LinkAction, TaskLink
from tests.building import LATER

TASK, OTHER = "018f0000-0000-7000-8000-000000000000", "018f0000-0000-7000-8000-000000000001"
SECRET, KEY = "s" * 32, b"1" * 32
ACTION_SETS = [frozenset(each) for size in (1, 2) for each in combinations(LinkAction, size)]


def a_link(**members: object) -> TaskLink:
    given = {
        "task_id": TASK,
        "key_id": "0123456789ab",
        "actions": frozenset({LinkAction.READ}),
        "expires_at": LATER.replace(microsecond=0),
    }
    return TaskLink(**{**given, **members})  # type: ignore[arg-type]


def is_valid(token: str, task_id: str = TASK, secret: str = SECRET, key: bytes = KEY) -> bool:
    link = TaskLink.parse(token, task_id)
    return link is not None and link.is_signed(token, [secret], [key])


@pytest.mark.parametrize("actions", ACTION_SETS)
@pytest.mark.parametrize("end", [LATER, datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)])
def test_a_token_says_what_was_granted(actions: frozenset[LinkAction], end: datetime) -> None:
    link = a_link(actions=actions, expires_at=end.replace(microsecond=0))
    token = link.token(SECRET, KEY)

    assert TaskLink.parse(token, TASK) == link
    assert is_valid(token)


def test_it_is_valid_for_its_task_secret_and_key_alone() -> None:
    token = a_link().token(SECRET, KEY)

    assert not is_valid(token, task_id=OTHER)
    assert not is_valid(token, secret="t" * 32)
    assert not is_valid(token, key=b"2" * 32)


def test_no_character_can_be_changed_left_out_or_added() -> None:
    token = a_link().token(SECRET, KEY)
    changed = [
        token[:at] + other + token[at + 1 :]
        for at in range(len(token))
        for other in "AZaz09-_"
        if other != token[at]
    ]

    assert not any(map(is_valid, [*changed, token[:-1], token + "A", token + "=", f" {token}"]))


def test_while_a_secret_is_replaced_both_are_accepted() -> None:
    for secret in ("old" * 20, "new" * 20):
        link = a_link()
        token = link.token(secret, KEY)

        assert link.is_signed(token, ["new" * 20, "old" * 20], [b"2" * 32, KEY])
    assert not a_link().is_signed(a_link().token(SECRET, KEY), [], [KEY])


@pytest.mark.parametrize(
    "text", ["", "tl_", "x" * 70, "tl_" + "A" * 67, "tl_" + "_" * 67, "tl_" + "-" * 67, "tm_a_b"]
)
def test_any_other_text_is_no_link(text: str) -> None:
    assert not is_valid(text)
