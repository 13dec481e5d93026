"""Read a body in chunks (RFC 9112, section 7.1) at a bounded cost for each of its bytes."""

from collections.abc import Iterator
from typing import Any
from weakref import proxy

from gunicorn.http.body import ChunkedReader
from gunicorn.http.errors import InvalidChunkSize

from entrypoints.api.concurrency.cooperation import let_others_run

MAX_CHUNK_LINE_BYTES = 128
"""Limit on the line before a chunk: its size, up to 16 digits, and extensions that nobody reads."""
MAX_TRAILER_BYTES = 8_190
"""Limit on the headers after the last chunk, which nobody reads either."""


class BoundedChunks(ChunkedReader):  # type: ignore[misc]  # gunicorn has no types
    """A gunicorn body reader that refuses long chunk lines, and yields before each chunk.

    gunicorn limits only a line whose end is not yet there, and parses 8 KiB for one byte of body.
    A single read may parse thousands of chunks, so the deadline of the body fires between them.

    It refers to its request, and its generator to itself, by weak references: objects that open
    streams froze (SettledStreams) are freed only if they are in no cycle. The connection holds the
    request for as long as its body is read.
    """

    def __init__(self, request: Any, unreader: Any) -> None:
        super().__init__(proxy(request), unreader)
        self.parser: Iterator[bytes] | None = BoundedChunks.parse_chunked(proxy(self), unreader)
        self.limit_trailer_section = MAX_TRAILER_BYTES

    def parse_chunk_size(self, unreader: Any, data: bytes | None = None) -> tuple[int, bytes]:
        """Return the size of the next chunk and the bytes that arrived after its line.

        Raises gunicorn's ParseException.
        """
        let_others_run()
        line = bytearray(data or b"")
        while line.find(b"\r\n", 0, MAX_CHUNK_LINE_BYTES + 2) < 0:
            if len(line) > MAX_CHUNK_LINE_BYTES + 1:
                raise InvalidChunkSize(b"a chunk line of more than %d bytes" % MAX_CHUNK_LINE_BYTES)
            self.read_into(unreader, line)
        parsed: tuple[int, bytes] = super().parse_chunk_size(unreader, line)
        return parsed
