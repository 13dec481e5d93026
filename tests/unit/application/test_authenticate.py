"""Callers are told from their credentials, and the store is asked rarely."""

from datetime import timedelta

import pytest

from adapters.system.secret_source import SystemSecretSource
from application.errors import StoreUnavailable
from application.use_cases.access.authenticate import Authenticate, InvalidCredentials
from application.use_cases.access.manage_keys import KeyNotFound, ManageKeys
from application.use_cases.access.sessions import Sessions
from domain.access import Role
from tests.building import LATER
from tests.fakes.access_keys import FakeAccessKeys
from tests.fakes.clock import FakeClock

DEAD_WITHIN = timedelta(seconds=5)


@pytest.fixture
def access_keys(clock: FakeClock) -> FakeAccessKeys:
    return FakeAccessKeys(clock)


@pytest.fixture
def manage_keys(access_keys: FakeAccessKeys, clock: FakeClock) -> ManageKeys:
    return ManageKeys(access_keys, SystemSecretSource(), clock)


@pytest.fixture
def sessions(access_keys: FakeAccessKeys) -> Sessions:
    return Sessions(access_keys, SystemSecretSource())


@pytest.fixture
def authenticate(access_keys: FakeAccessKeys, clock: FakeClock) -> Authenticate:
    return Authenticate(access_keys, clock)


def test_the_token_of_a_key_names_its_caller(
    authenticate: Authenticate, manage_keys: ManageKeys
) -> None:
    issued = manage_keys.create(name="shop", role=Role.SUBMITTER, queues=["a", "a"])

    caller = authenticate.by_token(str(issued.token))

    assert (caller.key_id, caller.name, caller.role) == (issued.key.key_id, "shop", Role.SUBMITTER)
    assert caller.scope.queues == {"a"}
    assert caller.scope.submitted_by == issued.key.key_id


def test_wrong_secrets_unknown_keys_and_other_texts_are_refused(
    authenticate: Authenticate, manage_keys: ManageKeys
) -> None:
    token = manage_keys.create(name="shop", role=Role.VIEWER).token
    wrong = [
        str(token._replace(secret="x" * 43)),
        str(token._replace(key_id="0" * 12)),
        str(token)[:-1],
        "",
    ]

    for text in wrong:
        with pytest.raises(InvalidCredentials):
            authenticate.by_token(text)
    assert authenticate.by_token(str(token))


def test_the_store_is_asked_rarely(
    authenticate: Authenticate,
    manage_keys: ManageKeys,
    access_keys: FakeAccessKeys,
    clock: FakeClock,
) -> None:
    token = str(manage_keys.create(name="shop", role=Role.VIEWER).token)

    for _ in range(100):
        authenticate.by_token(token)
        clock.advance(timedelta(milliseconds=100))

    assert access_keys.asked == 3


def test_a_revoked_key_is_dead_within_five_seconds(
    authenticate: Authenticate, manage_keys: ManageKeys, sessions: Sessions, clock: FakeClock
) -> None:
    issued = manage_keys.create(name="shop", role=Role.VIEWER)
    session = sessions.open(issued.token)
    authenticate.by_token(str(issued.token))
    assert authenticate.by_session(session).key_id == issued.key.key_id
    manage_keys.revoke(issued.key.key_id)
    clock.advance(DEAD_WITHIN)

    with pytest.raises(InvalidCredentials):
        authenticate.by_token(str(issued.token))
    with pytest.raises(InvalidCredentials):
        authenticate.by_session(session)
    with pytest.raises(KeyNotFound):
        manage_keys.revoke(issued.key.key_id)


def test_a_process_that_changed_a_key_forgets_it_at_once(
    authenticate: Authenticate, manage_keys: ManageKeys
) -> None:
    issued = manage_keys.create(name="shop", role=Role.VIEWER)
    authenticate.by_token(str(issued.token))
    manage_keys.revoke(issued.key.key_id)
    authenticate.forget(issued.key.key_id)

    with pytest.raises(InvalidCredentials):
        authenticate.by_token(str(issued.token))


def test_a_rotated_key_is_let_in_at_once_by_a_process_that_remembers_the_old_secret(
    authenticate: Authenticate, manage_keys: ManageKeys, access_keys: FakeAccessKeys
) -> None:
    issued = manage_keys.create(name="shop", role=Role.VIEWER)
    authenticate.by_token(str(issued.token))

    rotated = manage_keys.rotate(issued.key.key_id, old_secret_for=timedelta())

    assert authenticate.by_token(str(rotated.token)).name == "shop"
    with pytest.raises(InvalidCredentials):
        authenticate.by_token(str(issued.token))


def test_a_session_lives_as_long_as_the_secret_that_opened_it(
    authenticate: Authenticate, manage_keys: ManageKeys, sessions: Sessions, clock: FakeClock
) -> None:
    issued = manage_keys.create(name="ada", role=Role.VIEWER)
    old = sessions.open(issued.token)
    rotated = manage_keys.rotate(issued.key.key_id, old_secret_for=timedelta(minutes=1))
    new = sessions.open(rotated.token)
    assert authenticate.by_session(old).name == "ada"

    clock.advance(timedelta(minutes=1))

    with pytest.raises(InvalidCredentials):
        authenticate.by_session(old)
    assert authenticate.by_session(new).name == "ada"


def test_wrong_secrets_are_no_use_of_a_key(
    authenticate: Authenticate, manage_keys: ManageKeys, access_keys: FakeAccessKeys
) -> None:
    token = manage_keys.create(name="shop", role=Role.VIEWER).token
    with pytest.raises(InvalidCredentials):
        authenticate.by_token(str(token._replace(secret="x" * 43)))
    assert access_keys.all()[0].last_used_at is None

    authenticate.by_token(str(token))

    assert access_keys.all()[0].last_used_at is not None


def test_a_session_ends_when_it_is_ended_and_after_twelve_hours(
    authenticate: Authenticate, manage_keys: ManageKeys, sessions: Sessions, clock: FakeClock
) -> None:
    token = manage_keys.create(name="ada", role=Role.VIEWER).token
    first, second = sessions.open(token), sessions.open(token)
    assert authenticate.by_session(first).key_id == token.key_id
    sessions.end(first)
    clock.advance(DEAD_WITHIN)

    with pytest.raises(InvalidCredentials):
        authenticate.by_session(first)
    assert authenticate.by_session(second).key_id == token.key_id
    clock.advance(timedelta(hours=12))
    with pytest.raises(InvalidCredentials):
        authenticate.by_session(second)


def test_a_session_of_an_expired_key_is_over(
    authenticate: Authenticate, manage_keys: ManageKeys, sessions: Sessions, clock: FakeClock
) -> None:
    token = manage_keys.create(name="ada", role=Role.VIEWER, expires_at=LATER).token
    session = sessions.open(token)
    assert authenticate.by_session(session).key_id == token.key_id
    clock.advance(LATER - clock.now())

    with pytest.raises(InvalidCredentials):
        authenticate.by_session(session)


def test_keys_that_were_valid_in_the_last_minute_survive_an_outage_of_the_store(
    authenticate: Authenticate,
    manage_keys: ManageKeys,
    sessions: Sessions,
    access_keys: FakeAccessKeys,
    clock: FakeClock,
) -> None:
    issued, other = (manage_keys.create(name="shop", role=Role.VIEWER) for _ in range(2))
    session = sessions.open(issued.token)
    authenticate.by_token(str(issued.token))
    authenticate.by_session(session)
    access_keys.away = True
    clock.advance(timedelta(seconds=59))

    assert authenticate.by_token(str(issued.token)).key_id == issued.key.key_id
    assert authenticate.by_session(session).key_id == issued.key.key_id
    with pytest.raises(InvalidCredentials):
        authenticate.by_token(str(issued.token._replace(secret="x" * 43)))
    with pytest.raises(StoreUnavailable):
        authenticate.by_token(str(other.token))
    clock.advance(timedelta(seconds=2))
    with pytest.raises(StoreUnavailable):
        authenticate.by_token(str(issued.token))


def test_the_use_of_a_key_is_recorded_by_the_minute(
    authenticate: Authenticate,
    manage_keys: ManageKeys,
    access_keys: FakeAccessKeys,
    clock: FakeClock,
) -> None:
    token = str(manage_keys.create(name="shop", role=Role.VIEWER).token)
    [before] = manage_keys.all()
    authenticate.by_token(token)
    [after] = manage_keys.all()

    assert before.last_used_at is None
    assert after.last_used_at == clock.now().replace(second=0, microsecond=0)


def test_after_a_rotation_the_old_token_works_for_the_given_time(
    authenticate: Authenticate, manage_keys: ManageKeys, clock: FakeClock
) -> None:
    before = manage_keys.create(name="shop", role=Role.VIEWER)
    after = manage_keys.rotate(before.key.key_id, old_secret_for=timedelta(minutes=1))

    assert authenticate.by_token(str(before.token)).key_id == before.key.key_id
    assert authenticate.by_token(str(after.token)).key_id == before.key.key_id
    clock.advance(timedelta(minutes=1))
    with pytest.raises(InvalidCredentials):
        authenticate.by_token(str(before.token))
    with pytest.raises(KeyNotFound):
        manage_keys.rotate("nobody", old_secret_for=timedelta(0))
