"""The contract of AccessKeys, inherited by the tests of its fake and of its adapter."""

from dataclasses import replace
from datetime import timedelta

import pytest

from application.ports.access_keys import MAX_SESSIONS, AccessKeys, Session
from domain.access import AccessKey, Role, StoredSecret
from tests.building import LATER, NOON


def a_key(key_id: str = "0123456789ab", **members: object) -> AccessKey:
    given = {"name": "ada", "role": Role.VIEWER, "created_at": NOON, **members}
    secrets = (StoredSecret(sha256=b"\xff" * 32), StoredSecret(sha256=b"2" * 32, expires_at=LATER))
    return AccessKey(**{"key_id": key_id, "secrets": secrets, **given})  # type: ignore[arg-type]


OURS = Session("0123456789ab", b"\x00:\xff" + b"k" * 29)
OTHERS = Session("ba9876543210", b"2" * 32)


class AccessKeysContract:
    @pytest.mark.parametrize(
        "members",
        [
            {},
            {"queues": ("a", "b"), "labels": {"tenant": "Ä=:ß"}, "expires_at": LATER},
            {"name": 'x"\U0001f600', "role": Role.ADMIN},
        ],
    )
    def test_a_key_comes_back_as_it_was_stored(
        self, access_keys: AccessKeys, members: dict[str, object]
    ) -> None:
        key = a_key(**members)
        access_keys.add(key)

        assert access_keys.get(key.key_id) == key
        assert [each.key for each in access_keys.all()] == [key]

    def test_keys_are_listed_oldest_first_with_their_use(self, access_keys: AccessKeys) -> None:
        newer, older = a_key("a" * 12, created_at=LATER), a_key("b" * 12)
        access_keys.add(newer)
        access_keys.add(older)
        access_keys.note_use(newer.key_id)

        first, second = access_keys.all()

        assert (first.key, first.last_used_at) == (older, None)
        assert second.key == newer
        assert second.last_used_at is not None
        assert (second.last_used_at.second, second.last_used_at.microsecond) == (0, 0)

    def test_a_removed_key_is_gone(self, access_keys: AccessKeys) -> None:
        access_keys.add(a_key())

        assert access_keys.remove("0123456789ab")
        assert not access_keys.remove("0123456789ab")
        assert access_keys.get("0123456789ab") is None
        assert access_keys.all() == []

    def test_a_key_is_replaced_only_as_it_was_read(self, access_keys: AccessKeys) -> None:
        key = a_key()
        access_keys.add(key)
        changed = replace(key, secrets=key.secrets[:1])

        assert not access_keys.replace(changed, replace(key, name="stale"))
        assert access_keys.get(key.key_id) == key
        assert access_keys.replace(key, changed)
        assert access_keys.get(key.key_id) == changed
        access_keys.remove(key.key_id)
        assert not access_keys.replace(changed, key)
        assert access_keys.get(key.key_id) is None

    def test_a_session_has_the_key_that_opened_it_until_it_ends(
        self, access_keys: AccessKeys
    ) -> None:
        access_keys.add_session(b"1" * 32, OURS, timedelta(hours=1))
        access_keys.add_session(b"2" * 32, OTHERS, timedelta(hours=1))

        assert access_keys.get_session(b"1" * 32) == OURS
        access_keys.end_session(b"1" * 32)
        assert access_keys.get_session(b"1" * 32) is None
        assert access_keys.get_session(b"2" * 32) == OTHERS

    def test_a_key_has_so_many_sessions_and_the_oldest_ends(self, access_keys: AccessKeys) -> None:
        digests = [f"{number:032}".encode() for number in range(MAX_SESSIONS + 2)]
        access_keys.add_session(b"x" * 32, OTHERS, timedelta(hours=1))
        for digest in digests:
            access_keys.add_session(digest, OURS, timedelta(hours=1))
        access_keys.end_session(digests.pop())
        access_keys.add_session(b"y" * 32, OURS, timedelta(hours=1))

        found = list(map(access_keys.get_session, digests))

        assert found == [None] * 2 + [OURS] * (MAX_SESSIONS - 1)
        assert access_keys.get_session(b"y" * 32) == OURS
        assert access_keys.get_session(b"x" * 32) == OTHERS
