"""A process takes few bytes from a connection at once, before it can count them."""

from collections.abc import Callable
from typing import Any

import pytest
from gunicorn.http.body import LengthReader
from gunicorn.http.unreader import SocketUnreader

from entrypoints.api import server
from entrypoints.api.concurrency.chunked_body import BoundedChunks

BODY_BYTES = 8 * 1024 * 1024


class Client:
    """A connection on which more bytes have arrived than anybody asks for."""

    def __init__(self, beginning: bytes) -> None:
        self._beginning = beginning
        self.asked: list[int] = []

    def recv(self, size: int) -> bytes:
        self.asked.append(size)
        beginning, self._beginning = self._beginning, b""
        return beginning.ljust(size, b"x")


def of_known_length(client: Client) -> Any:
    return LengthReader(SocketUnreader(client), BODY_BYTES)


def in_one_chunk(client: Client) -> Any:
    return BoundedChunks(server, SocketUnreader(client))


@pytest.mark.parametrize(
    ("reader_of", "beginning"),
    [(of_known_length, b""), (in_one_chunk, b"%x\r\n" % BODY_BYTES)],
)
def test_a_read_takes_at_most_64_kib_of_a_body(
    reader_of: Callable[[Client], Any], beginning: bytes
) -> None:
    client = Client(beginning)
    reader = reader_of(client)

    for _ in range(100):
        assert len(reader.read(4_096)) == 4_096

    assert max(client.asked) <= 65_536
