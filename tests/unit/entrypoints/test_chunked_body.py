"""Bodies in chunks, as gunicorn hands them to the API."""

import pytest
from gunicorn.http.errors import InvalidChunkSize, LimitRequestHeaders
from gunicorn.http.unreader import IterUnreader

from entrypoints.api.concurrency import chunked_body
from entrypoints.api.concurrency.chunked_body import BoundedChunks

LONGEST_LINE = b"2;" + b"a" * 126


class FakeRequest:
    """A request whose trailers are ignored."""

    def parse_headers(self, *_: object, **__: object) -> list[tuple[str, str]]:
        return []


REQUEST = FakeRequest()


def reader_of(*pieces: bytes) -> BoundedChunks:
    """Return a reader of a body that arrives in these pieces."""
    return BoundedChunks(REQUEST, IterUnreader(pieces))


def test_a_body_in_chunks_is_read_as_it_was_sent() -> None:
    sent = b"3\r\none\r\n4;name=value\r\n two\r\n0\r\n\r\n"

    assert reader_of(sent).read(100) == b"one two"
    assert reader_of(*(sent[at : at + 1] for at in range(len(sent)))).read(100) == b"one two"


@pytest.mark.parametrize("pieces", [1, 2], ids=["with its end", "before its end"])
def test_a_chunk_line_has_at_most_128_bytes(pieces: int) -> None:
    rest = b"\r\n{}\r\n0\r\n\r\n"
    short, long = (LONGEST_LINE, rest), (LONGEST_LINE + b"a", rest)

    def read(parts: tuple[bytes, ...]) -> bytes:
        arrived = parts if pieces == 2 else (b"".join(parts),)
        data: bytes = reader_of(*arrived).read(100)
        return data

    assert read(short) == b"{}"
    with pytest.raises(InvalidChunkSize, match="more than 128 bytes"):
        read(long)


def test_the_line_of_a_later_chunk_is_limited_too() -> None:
    with pytest.raises(InvalidChunkSize):
        reader_of(b"1\r\n \r\n1;" + b"a" * 8_000 + b"\r\n \r\n0\r\n\r\n").read(100)


def test_trailers_are_limited_before_their_end_arrives() -> None:
    with pytest.raises(LimitRequestHeaders):
        reader_of(b"0\r\n", *[b"a: " + b"b" * 4_000 + b"\r\n"] * 4).read(100)


def test_other_requests_may_run_before_each_chunk(monkeypatch: pytest.MonkeyPatch) -> None:
    yielded: list[None] = []
    monkeypatch.setattr(chunked_body, "let_others_run", lambda: yielded.append(None))

    assert reader_of(b"1\r\n \r\n" * 50 + b"0\r\n\r\n").read(100) == b" " * 50
    assert len(yielded) == 51
