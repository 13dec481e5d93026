"""Every client finds the master by its sentinels, and again after each lost connection."""

import socket
from collections.abc import Iterator
from contextlib import ExitStack

import pytest
import redis
from celery import Celery

from adapters.celery.app import create_celery_app
from adapters.redis.connection import connect, connect_blocking
from adapters.redis.exchange import PooledExchange, packed
from adapters.redis.store import RedisStore
from adapters.system.task_ids import UuidTaskIds
from application.errors import StoreUnavailable
from tests.integration.ports import free_port
from tests.unit.adapters.scripted_servers import (
    Reply,
    ScriptedServer,
    has_role,
    knows_nothing,
    names,
)

READONLY = b"-READONLY You can't write against a read only replica.\r\n"


class Servers:
    """Starts scripted servers, and ends them after the test."""

    def __init__(self, stack: ExitStack) -> None:
        self._stack = stack

    def start(self, reply: Reply) -> ScriptedServer:
        return self._stack.enter_context(ScriptedServer(reply))


@pytest.fixture
def servers() -> Iterator[Servers]:
    with ExitStack() as stack:
        yield Servers(stack)


@pytest.fixture(autouse=True)
def patient_clients(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a busy machine delay replies."""
    monkeypatch.setattr("adapters.redis.connection.TIMEOUT_SECONDS", 60)
    monkeypatch.setattr("adapters.redis.sentinels.SENTINEL_SECONDS", 60)


def url_of(*ports: int) -> str:
    return f"sentinel://{','.join(f'127.0.0.1:{port}' for port in ports)}/tasks"


def test_a_client_connects_to_the_master_that_a_sentinel_names(servers: Servers) -> None:
    master = servers.start(has_role("master"))
    sentinel = servers.start(names(master.port))

    for client in (
        connect(url_of(sentinel.port)),
        connect(url_of(sentinel.port), patient=True),
        connect_blocking(url_of(sentinel.port)),
    ):
        assert client.ping()
        client.close()

    assert sentinel.asked == [b"SENTINEL GET-MASTER-ADDR-BY-NAME"] * 3


def test_the_broker_connects_to_the_master_that_a_sentinel_names(servers: Servers) -> None:
    master = servers.start(has_role("master"))
    sentinel = servers.start(names(master.port))
    app = create_celery_app(url_of(sentinel.port), ["default"])

    with app.connection_for_read() as broker:
        broker.default_channel.client.ping()

    assert b"PING" in master.asked


def test_the_result_backend_reads_from_the_master_that_a_sentinel_names(servers: Servers) -> None:
    no_record = b"%0\r\n"
    master = servers.start(has_role("master", no_record))
    sentinel = servers.start(names(master.port))
    backend = "adapters.celery.result_backend:TaskResultBackend"
    program = Celery(backend=f"{backend}+sentinel://:secretpw@127.0.0.1:{sentinel.port},b:2/tasks")

    assert program.AsyncResult(UuidTaskIds().next()).state == "PENDING"

    assert any(words.startswith(b"HGETALL TM:TASK:") for words in master.asked)
    assert program.backend.as_uri() == f"sentinel://***@127.0.0.1:{sentinel.port},b:2/tasks"


def test_login_and_database_of_the_url_are_used_by_every_client(servers: Servers) -> None:
    words_of_hello = []

    def remember(words: list[bytes]) -> bytes:
        if words[0] == b"HELLO":
            words_of_hello.append(words)
        return has_role("master", b"+OK\r\n")(words)

    master = servers.start(remember)
    login = []

    def ask_password(words: list[bytes]) -> bytes:
        if words[0] == b"AUTH":
            login.append(words)
            return b"+OK\r\n"
        return names(master.port)(words)

    sentinel = servers.start(ask_password)
    url = (
        f"sentinel://me:mine@127.0.0.1:{sentinel.port}/tasks?db=3"
        "&sentinel_user=watch&sentinel_password=theirs"
    )

    client = connect(url)
    client.execute_command("PING")
    client.close()
    with create_celery_app(url, ["default"]).connection_for_read() as broker:
        broker.default_channel.client.execute_command("PING")

    assert words_of_hello == [[b"HELLO", b"3", b"AUTH", b"me", b"mine"]] * len(words_of_hello)
    assert len(words_of_hello) >= 2
    assert login == [[b"AUTH", b"watch", b"theirs"]] * len(words_of_hello)
    assert master.asked.count(b"SELECT 3") == len(words_of_hello)


def test_a_sentinel_that_is_away_or_knows_nothing_is_passed_over_and_asked_last_from_then_on(
    servers: Servers,
) -> None:
    master = servers.start(has_role("master"))
    ignorant, good = servers.start(knows_nothing), servers.start(names(master.port))
    client = connect(url_of(free_port(), ignorant.port, good.port))

    client.ping()
    client.connection_pool.disconnect()
    client.ping()
    client.close()

    assert len(ignorant.asked) == 1
    assert len(good.asked) == 2


def test_without_a_sentinel_that_knows_the_master_the_error_has_the_reason_of_each(
    servers: Servers,
) -> None:
    away, ignorant = free_port(), servers.start(knows_nothing)
    refusing = servers.start(lambda words: b"-NOAUTH Authentication required.\r\n")
    client = connect(url_of(away, ignorant.port, refusing.port))

    with pytest.raises(redis.ConnectionError) as failure:
        client.ping()

    message = str(failure.value)
    assert "No sentinel names a master of 'tasks'" in message
    assert f"127.0.0.1:{away}: Error 111" in message
    assert f"127.0.0.1:{ignorant.port}: does not know this service" in message
    assert f"127.0.0.1:{refusing.port}: Authentication required" in message


def test_a_silent_sentinel_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("adapters.redis.sentinels.SENTINEL_SECONDS", 0.05)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        client = connect(url_of(silent.getsockname()[1]))

        with pytest.raises(redis.ConnectionError, match="Timeout reading from"):
            client.ping()


def test_a_server_that_is_no_master_is_refused_until_the_sentinels_name_another(
    servers: Servers,
) -> None:
    former = servers.start(has_role("replica"))
    master = servers.start(has_role("master"))
    sentinel = servers.start(names(former.port))
    client = connect(url_of(sentinel.port))

    with pytest.raises(redis.ConnectionError, match="is no master"):
        client.ping()
    sentinel.reply = names(master.port)
    assert client.ping()
    client.close()

    assert b"PING" not in former.asked


@pytest.mark.parametrize("keep_connections", [False, True])
def test_a_refusal_to_write_leads_to_a_new_look_up_and_is_not_repeated(
    servers: Servers, keep_connections: bool
) -> None:
    demoted = servers.start(has_role("master", READONLY))
    master = servers.start(has_role("master", b"+OK\r\n"))
    sentinel = servers.start(names(demoted.port))
    exchange = PooledExchange(connect(url_of(sentinel.port)), keep_connections=keep_connections)

    [refused] = exchange([packed("SET", "a", "1")])
    sentinel.reply = names(master.port)
    [reply] = exchange([packed("SET", "b", "2")])

    assert isinstance(refused, redis.ReadOnlyError)
    assert reply == b"OK"
    assert demoted.asked.count(b"SET A") == 1
    assert b"SET A" not in master.asked


def test_a_refusal_to_write_closes_the_idle_connections_to_that_server(servers: Servers) -> None:
    demoted = servers.start(has_role("master", READONLY))
    master = servers.start(has_role("master", b"+OK\r\n"))
    sentinel = servers.start(names(demoted.port))
    store = RedisStore(connect(url_of(sentinel.port)))

    with pytest.raises(StoreUnavailable), store.client() as client:
        client.set("a", 1)
    sentinel.reply = names(master.port)
    with store.client() as client:
        client.set("b", 2)

    assert demoted.asked.count(b"SET A") == 1
    assert b"SET B" in master.asked
