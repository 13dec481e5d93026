"""Cases of the shared connection, each run by a process that gevent has patched.

`python -m tests.integration.shared_connection_cases <case> <url>` fails by an exception.
"""

if __name__ == "__main__":
    from gevent import monkey

    monkey.patch_all()  # before the other imports

import logging
import os
import signal
import sys
import time

import gevent
import redis

from adapters.redis.connection import connect
from adapters.redis.exchange import packed
from adapters.redis.patient_socket import LOG_INTERVAL_SECONDS, ServerSilent
from adapters.redis.shared_connection import SharedConnection
from adapters.redis.store import RedisStore
from application.errors import StoreUnavailable

BUSY_FOR_2_MS = """#!lua name=cases
redis.register_function('b', function()
  local ends = os.clock() + 0.002
  while os.clock() < ends do end
  return 1
end)
"""


def each_call_gets_its_own_replies(url: str) -> None:
    client = connect(url, patient=True)
    exchange = SharedConnection(client)

    def ask(number: int) -> list[object]:
        return exchange([packed("ECHO", f"{number}-{part}") for part in range(number % 5 + 1)])

    calls = [gevent.spawn(ask, number) for number in range(500)]
    gevent.joinall(calls, raise_error=True)

    for number, call in enumerate(calls):
        assert call.value == [f"{number}-{part}".encode() for part in range(number % 5 + 1)]
    assert len(client.client_list()) == 2, "one of the exchange, one of this question"


def no_commands_have_no_replies(url: str) -> None:
    assert SharedConnection(connect(url, patient=True))([]) == []


def an_error_of_the_server_is_the_reply_to_one_command(url: str) -> None:
    exchange = SharedConnection(connect(url, patient=True))

    first, second, third = exchange([packed("PING"), packed("NOSUCH"), packed("PING")])

    assert (first, third) == (b"PONG", b"PONG")
    assert isinstance(second, redis.ResponseError)


def long_commands_and_replies_pass_beside_short_ones(url: str) -> None:
    exchange = SharedConnection(connect(url, patient=True))
    long = "x" * 8_000_000

    calls = [gevent.spawn(exchange, [packed("ECHO", long)]) for _ in range(3)]
    short = [gevent.spawn(exchange, [packed("ECHO", str(number))]) for number in range(50)]
    gevent.joinall([*calls, *short], raise_error=True)

    assert [call.value for call in calls] == [[long.encode()]] * 3
    assert [call.value for call in short] == [[str(number).encode()] for number in range(50)]


def a_call_that_was_given_up_takes_no_reply_of_another(url: str) -> None:
    exchange = SharedConnection(connect(url, patient=True))
    exchange([packed("PING")])
    given_up = [gevent.spawn(exchange, [packed("ECHO", "given up")]) for _ in range(3)]
    gevent.sleep(0)
    gevent.killall(given_up, block=False)

    assert exchange([packed("ECHO", "mine")]) == [b"mine"]
    assert exchange([packed("ECHO", "also mine")]) == [b"also mine"]


def a_lost_connection_fails_the_calls_that_wait_and_no_other(url: str) -> None:
    client, other = connect(url, patient=True), connect(url)
    exchange = SharedConnection(client)
    [mine] = exchange([packed("CLIENT", "ID")])
    other.client_pause(60_000, all=False)  # writes only
    waiting = [gevent.spawn(_outcome, exchange, packed("SET", "a", 1)) for _ in range(5)]
    gevent.sleep(0.05)

    other.client_kill_filter(_id=mine)
    gevent.joinall(waiting, timeout=30, raise_error=True)
    other.client_unpause()

    assert all(isinstance(call.value, redis.ConnectionError) for call in waiting)
    assert exchange([packed("ECHO", "again")]) == [b"again"]


def a_silent_server_ends_all_waits_and_is_used_again_later(url: str) -> None:
    client = connect(url, patient=True)
    store = RedisStore(client, fail_fast=True, shared=SharedConnection(client))
    server = int(client.info("server")["process_id"])
    store.pipeline([packed("PING")])
    os.kill(server, signal.SIGSTOP)
    try:
        waiting = [gevent.spawn(_outcome, store.pipeline, packed("PING")) for _ in range(20)]
        gevent.joinall(waiting, timeout=60, raise_error=True)
        began = time.monotonic()
        at_once = _outcome(store.pipeline, packed("PING"))
        seconds = time.monotonic() - began
    finally:
        os.kill(server, signal.SIGCONT)

    assert all(isinstance(call.value, StoreUnavailable) for call in waiting)
    assert all(isinstance(call.value.__cause__, ServerSilent) for call in waiting)
    assert isinstance(at_once, StoreUnavailable)
    assert seconds < 1, "calls are refused before a server can be found silent"
    with gevent.Timeout(60):
        while isinstance(_outcome(store.pipeline, packed("PING")), StoreUnavailable):
            gevent.sleep(0.05)


def a_process_that_was_busy_reads_its_replies_before_it_calls_the_server_silent(url: str) -> None:
    exchange = SharedConnection(connect(url, patient=True))
    exchange([packed("PING")])
    call = gevent.spawn(exchange, [packed("ECHO", "there")])
    gevent.sleep(0)
    end = time.monotonic() + 2
    while time.monotonic() < end:  # no other greenlet runs
        pass

    assert call.get(timeout=30) == [b"there"]


def a_long_line_of_calls_does_not_count_as_silence(url: str) -> None:
    lines: list[str] = []
    handler = logging.Handler()
    handler.emit = lambda record: lines.append(record.getMessage())  # type: ignore[method-assign]
    logging.getLogger("adapters.redis.patient_socket").addHandler(handler)
    client = connect(url, patient=True)
    exchange = SharedConnection(client)
    client.function_load(BUSY_FOR_2_MS)

    # Redis reads 16 KiB at once. That would be 560 calls, and 1.1 s until the first reply. A few
    # calls take 1 s only where Redis has a thirtieth of a processor.
    began = time.monotonic()
    calls = [gevent.spawn(exchange, [packed("FCALL", "b", 0)]) for _ in range(700)]
    gevent.joinall(calls, raise_error=True)

    assert [call.value for call in calls] == [[1]] * 700
    assert 1 <= len(lines) <= 1 + (time.monotonic() - began) / LOG_INTERVAL_SECONDS
    assert all("busy" in line for line in lines)


def calls_share_a_failed_attempt_to_connect(url: str) -> None:
    client = connect(url.replace("redis.sock", "nothing.sock"), patient=True)
    exchange = SharedConnection(client)
    attempts = []
    get_connection = client.connection_pool.get_connection

    def count() -> object:
        attempts.append(1)
        gevent.sleep(0.05)
        return get_connection()

    client.connection_pool.get_connection = count
    calls = [gevent.spawn(_outcome, exchange, packed("PING")) for _ in range(20)]
    gevent.joinall(calls, raise_error=True)

    assert all(isinstance(call.value, redis.ConnectionError) for call in calls)
    assert len(attempts) == 1


def a_refusal_to_write_leads_to_a_new_connection_and_fails_no_call_beside_it(url: str) -> None:
    client = connect(url, patient=True)
    exchange = SharedConnection(client)
    [first] = exchange([packed("CLIENT", "ID")])
    client.replicaof("127.0.0.1", 1)
    try:
        write = gevent.spawn(exchange, [packed("SET", "a", 1)])
        reads = [gevent.spawn(exchange, [packed("ECHO", str(number))]) for number in range(5)]
        gevent.joinall([write, *reads], raise_error=True)
    finally:
        client.replicaof("NO", "ONE")

    assert isinstance(write.value[0], redis.ReadOnlyError)
    assert [read.value for read in reads] == [[str(number).encode()] for number in range(5)]
    [later] = exchange([packed("CLIENT", "ID")])
    assert later != first
    assert first not in {int(each["id"]) for each in client.client_list()}


def _outcome(exchange: object, command: bytes) -> object:
    """Return the replies, or the error that was raised."""
    try:
        return exchange([command])  # type: ignore[operator]
    except (redis.RedisError, StoreUnavailable) as error:
        return error


CASES = [
    each_call_gets_its_own_replies,
    no_commands_have_no_replies,
    an_error_of_the_server_is_the_reply_to_one_command,
    long_commands_and_replies_pass_beside_short_ones,
    a_call_that_was_given_up_takes_no_reply_of_another,
    a_lost_connection_fails_the_calls_that_wait_and_no_other,
    a_silent_server_ends_all_waits_and_is_used_again_later,
    a_process_that_was_busy_reads_its_replies_before_it_calls_the_server_silent,
    a_long_line_of_calls_does_not_count_as_silence,
    calls_share_a_failed_attempt_to_connect,
    a_refusal_to_write_leads_to_a_new_connection_and_fails_no_call_beside_it,
]

if __name__ == "__main__":
    {case.__name__: case for case in CASES}[sys.argv[1]](sys.argv[2])
