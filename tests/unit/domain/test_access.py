"""Keys, their secrets, and what their roles may do."""

from datetime import timedelta
from hashlib import sha256

import pytest

from domain.access import (
    AccessKey,
    InvalidAccessKey,
    Permission,
    Role,
    StoredSecret,
    Token,
)
from tests.building import LATER, NOON

HASH, OTHER_HASH = sha256(b"right").digest(), sha256(b"wrong").digest()


def a_key(**members: object) -> AccessKey:
    given = {"name": "ada", "role": Role.VIEWER, "created_at": NOON, **members}
    return AccessKey(
        **{"key_id": "0123456789ab", "secrets": (StoredSecret(sha256=HASH),), **given}  # type: ignore[arg-type]
    )


@pytest.mark.parametrize(
    "text",
    [
        "",
        "tm_",
        "tm_0123456789ab_",
        f"tm_0123456789ab_{'x' * 42}",
        f"tm_0123456789ab_{'x' * 44}",
        f"tm_0123456789aB_{'x' * 43}",
        f"tm_0123456789ab_{'x' * 43}\n",
        f"TM_0123456789ab_{'x' * 43}",
        f"tm_0123456789ab_{'é' * 43}",
    ],
)
def test_other_texts_are_no_tokens(text: str) -> None:
    assert Token.parse(text) is None


def test_a_token_is_read_as_it_was_written() -> None:
    token = Token("0123456789ab", "_-" * 21 + "x")

    assert Token.parse(str(token)) == token


def test_only_a_right_secret_opens_a_key() -> None:
    assert a_key().accepts(HASH, NOON)
    assert not a_key().accepts(OTHER_HASH, NOON)


def test_an_expired_key_is_closed() -> None:
    key = a_key(expires_at=LATER)

    assert key.accepts(HASH, LATER - timedelta(microseconds=1))
    assert not key.accepts(HASH, LATER)


def test_after_a_rotation_the_old_secret_lives_until_its_time_and_the_one_before_not_at_all() -> (
    None
):
    new, newer = sha256(b"new").digest(), sha256(b"newer").digest()

    key = a_key().rotate(new, LATER)

    assert key.accepts(new, LATER)
    assert key.accepts(HASH, NOON)
    assert not key.accepts(HASH, LATER)
    again = key.rotate(newer, LATER)
    assert [again.accepts(each, NOON) for each in (newer, new, HASH)] == [True, True, False]


@pytest.mark.parametrize(
    ("role", "lacks"),
    [
        (
            Role.VIEWER,
            {
                Permission.SUBMIT,
                Permission.CHANGE,
                Permission.DELETE,
                Permission.OPERATE_QUEUES,
                Permission.OPERATE_SCHEDULES,
                Permission.MANAGE_KEYS,
            },
        ),
        (Role.SUBMITTER, set(Permission) - {Permission.READ, Permission.SUBMIT, Permission.CHANGE}),
        (Role.OPERATOR, {Permission.MANAGE_KEYS}),
        (Role.ADMIN, set()),
        (Role.METRICS, set(Permission) - {Permission.READ_METRICS}),
    ],
)
def test_roles_lack_permissions(role: Role, lacks: set[Permission]) -> None:
    assert set(Permission) - a_key(role=role).permissions == lacks


def test_a_bound_key_lacks_what_shows_the_tasks_of_others() -> None:
    queue, label = a_key(queues=("a",)), a_key(labels={"tenant": "acme"})

    both = {Permission.READ, Permission.READ_SCHEDULES}
    assert queue.permissions == {*both, Permission.OBSERVE_QUEUES}
    assert label.permissions == both


@pytest.mark.parametrize(
    ("members", "pointer"),
    [
        ({"name": ""}, "name"),
        ({"name": "x" * 101}, "name"),
        ({"name": " "}, "name"),
        ({"name": "a\nb"}, "name"),
        ({"expires_at": NOON}, "expires_at"),
        ({"expires_at": LATER.replace(tzinfo=None)}, "expires_at"),
        ({"queues": ("A",)}, "queues"),
        ({"queues": tuple(f"q{n}" for n in range(21))}, "queues"),
        ({"labels": {"A": "x"}}, "labels"),
        ({"labels": {"a": "x" * 256}}, "labels"),
        ({"labels": {"a": "\n"}}, "labels"),
        ({"labels": {f"l{n}": "x" for n in range(9)}}, "labels"),
        ({"role": Role.ADMIN, "queues": ("a",)}, "queues"),
        ({"role": Role.METRICS, "labels": {"a": "x"}}, "labels"),
    ],
)
def test_invalid_members_are_named(members: dict[str, object], pointer: str) -> None:
    with pytest.raises(InvalidAccessKey) as refusal:
        a_key(**members)

    assert [each for each, _ in refusal.value.violations] == [pointer]
