"""A wait for the server ends when the server is silent or the connection is dead."""

from application.cut_off import (
    MAX_OVERTAKING_ROUNDS,
    MAX_SILENT_TURNS,
    ServerContact,
    Verdict,
    Wait,
)


def verdicts(wait: Wait, turns: int) -> list[Verdict]:
    return [wait.end_turn() for _ in range(turns)]


def other_calls(contact: ServerContact, number: int) -> None:
    """Make calls on other connections, each after the reply to the one before."""
    for _ in range(number):
        contact.count_piece(contact.rounds)


def test_a_server_is_silent_after_ten_turns_without_a_byte() -> None:
    *before, last = verdicts(Wait(ServerContact()), MAX_SILENT_TURNS)

    assert set(before) == {Verdict.WAIT}
    assert last is Verdict.SERVER_SILENT


def test_a_byte_on_any_connection_begins_the_count_anew() -> None:
    contact = ServerContact()
    wait = Wait(contact)
    assert set(verdicts(wait, MAX_SILENT_TURNS - 1)) == {Verdict.WAIT}

    contact.count_piece(first_round=0)

    assert set(verdicts(wait, MAX_SILENT_TURNS)) == {Verdict.WAIT}
    assert wait.end_turn() is Verdict.SERVER_SILENT


def test_a_server_that_one_wait_has_found_silent_is_silent_for_all_others() -> None:
    contact = ServerContact()
    younger = Wait(contact)
    verdicts(Wait(contact), MAX_SILENT_TURNS)

    assert younger.end_turn() is Verdict.SERVER_SILENT


def test_a_wait_that_begins_after_a_silence_counts_for_itself() -> None:
    contact = ServerContact()
    verdicts(Wait(contact), MAX_SILENT_TURNS)

    assert Wait(contact).end_turn() is Verdict.WAIT


def test_a_connection_is_dead_when_rounds_of_later_calls_have_overtaken_it() -> None:
    contact = ServerContact()
    wait = Wait(contact)
    verdicts(wait, MAX_SILENT_TURNS - 1)

    other_calls(contact, MAX_OVERTAKING_ROUNDS)

    assert wait.end_turn() is Verdict.CONNECTION_DEAD


def test_a_connection_that_fewer_rounds_have_overtaken_is_waited_for() -> None:
    contact = ServerContact()
    wait = Wait(contact)
    verdicts(wait, MAX_SILENT_TURNS - 1)

    other_calls(contact, MAX_OVERTAKING_ROUNDS - 1)

    assert wait.end_turn() is Verdict.WAIT


def test_many_replies_to_calls_of_one_round_do_not_overtake() -> None:
    contact = ServerContact()
    wait = Wait(contact)
    verdicts(wait, MAX_SILENT_TURNS - 1)

    for _ in range(2 * MAX_OVERTAKING_ROUNDS):
        contact.count_piece(first_round=0)

    assert wait.end_turn() is Verdict.WAIT


def test_a_connection_is_not_dead_within_its_first_turns() -> None:
    contact = ServerContact()
    wait = Wait(contact)

    other_calls(contact, MAX_OVERTAKING_ROUNDS)

    assert wait.end_turn() is Verdict.WAIT
