"""A change counts when enough replicas have confirmed it, and one WAIT serves many changes."""

from collections.abc import Sequence
from typing import Any

import gevent
import pytest
import redis

from adapters.redis.confirmation import Confirmation, ConfirmedExchange
from adapters.redis.exchange import packed
from adapters.redis.failures import ReplicasBehind, translate
from adapters.redis.grouped_confirmation import GroupedConfirmation
from application.errors import StoreUnconfirmed

PUBLISH, WAIT = Confirmation(1).commands
OF_A_REPLICA = "ERR WAIT cannot be used with replica instances."


class Server:
    """Stands for an exchange with a server that has so many replicas, each as up to date."""

    def __init__(self, replicas: int = 1) -> None:
        self.replicas = replicas
        self.exchanges: list[Sequence[bytes]] = []
        self.failure: Exception | None = None
        self.seconds = 0.0

    def __call__(self, commands: Sequence[bytes]) -> list[Any]:
        self.exchanges.append(commands)
        gevent.sleep(self.seconds)
        if self.failure:
            raise self.failure
        return [self.replicas if command == WAIT else command for command in commands]

    def sent(self) -> list[bytes]:
        return [command for commands in self.exchanges for command in commands]


def outcome(call: gevent.Greenlet) -> Any:
    """Return what the greenlet returned or raised."""
    return call.value if call.successful() else call.exception


def change(number: int) -> bytes:
    return packed("SET", "a", str(number))


def test_the_replicas_are_asked_behind_the_change_in_the_same_round_trip() -> None:
    server = Server()

    replies = ConfirmedExchange(server, Confirmation(1))([change(1), change(2)])

    assert replies == [change(1), change(2)]
    assert server.exchanges == [[change(1), change(2), PUBLISH, WAIT]]


def test_a_change_that_too_few_replicas_confirm_is_not_acknowledged() -> None:
    exchange = ConfirmedExchange(Server(replicas=0), Confirmation(1))

    with pytest.raises(ReplicasBehind, match="0 of 1 replicas have confirmed") as error:
        exchange([change(1)])

    assert isinstance(translate(error.value), StoreUnconfirmed)


def test_the_refusal_of_a_change_comes_before_that_of_its_confirmation() -> None:
    refusals = [redis.ReadOnlyError("READONLY"), 0, redis.ResponseError(OF_A_REPLICA)]

    assert Confirmation(1).checked(refusals) == refusals[:1]
    with pytest.raises(redis.ReadOnlyError, match="WAIT cannot be used"):
        Confirmation(1).checked(refusals[1:])
    with pytest.raises(redis.ResponseError, match="NOPERM"):
        Confirmation(1).checked([redis.ResponseError("NOPERM"), 1])


def test_calls_of_one_turn_share_a_confirmation() -> None:
    server = Server()
    exchange = GroupedConfirmation(server, Confirmation(1))

    calls = [gevent.spawn(exchange, [change(number)]) for number in range(10)]
    gevent.joinall(calls, timeout=10)

    assert [outcome(call) for call in calls] == [[change(number)] for number in range(10)]
    assert server.exchanges == [[*map(change, range(10)), PUBLISH, WAIT]]


def test_calls_that_come_during_an_exchange_share_the_next_ones() -> None:
    server = Server()
    server.seconds = 0.01
    exchange = GroupedConfirmation(server, Confirmation(1))
    first = gevent.spawn(exchange, [change(100)])
    gevent.sleep(0.005)

    calls = [gevent.spawn(exchange, [change(number)] * 2) for number in range(20)]
    gevent.joinall([first, *calls], timeout=10)

    assert [outcome(call) for call in calls] == [[change(number)] * 2 for number in range(20)]
    assert [len(commands) for commands in server.exchanges] == [1 + 2, 2 * 16 + 2, 2 * 4 + 2]


def test_a_long_call_is_confirmed_by_itself() -> None:
    server = Server()
    exchange = GroupedConfirmation(server, Confirmation(1))
    long = packed("SET", "a", "x" * 40_000)

    calls = [gevent.spawn(exchange, [command]) for command in (change(1), long, change(2))]
    gevent.joinall(calls, timeout=10)

    assert [long, PUBLISH, WAIT] in server.exchanges
    assert [change(1), change(2), PUBLISH, WAIT] in server.exchanges


def test_calls_that_wait_while_replicas_are_behind_are_refused_and_not_sent() -> None:
    server = Server(replicas=0)
    server.seconds = 0.01
    exchange = GroupedConfirmation(server, Confirmation(1))

    calls = [gevent.spawn(exchange, [change(number)]) for number in range(100)]
    gevent.joinall(calls, timeout=10)
    later = gevent.spawn(exchange, [change(200)])
    later.join(10)

    assert all(isinstance(outcome(call), ReplicasBehind) for call in [*calls, later])
    assert server.exchanges == [[*map(change, range(16)), PUBLISH, WAIT], [PUBLISH, WAIT]]


def test_calls_are_sent_again_once_the_replicas_have_confirmed() -> None:
    server = Server(replicas=0)
    exchange = GroupedConfirmation(server, Confirmation(1))
    gevent.spawn(exchange, [change(1)]).join(10)

    server.replicas = 1
    call = gevent.spawn(exchange, [change(2)])
    call.join(10)

    assert outcome(call) == [change(2)]
    assert server.exchanges[1:] == [[PUBLISH, WAIT], [change(2), PUBLISH, WAIT]]


def test_a_lost_connection_fails_the_calls_that_wait_and_no_later_one() -> None:
    server = Server()
    server.seconds = 0.01
    server.failure = redis.ConnectionError("lost")
    exchange = GroupedConfirmation(server, Confirmation(1))
    calls = [gevent.spawn(exchange, [change(number)]) for number in range(40)]
    gevent.joinall(calls, timeout=10)

    server.failure = None
    later = gevent.spawn(exchange, [change(100)])
    later.join(10)

    errors = [outcome(call) for call in calls]
    assert [str(error) for error in errors] == ["lost"] * 40
    assert len({id(error) for error in errors}) == 40
    assert outcome(later) == [change(100)]
