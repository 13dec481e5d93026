"""The trace that a task belongs to, as W3C Trace Context names it."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

TRACEPARENT = re.compile(
    r"(?!ff)[0-9a-f]{2}-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}"
)
KEY = r"[a-z0-9][a-z0-9_*/@-]{0,255}"
STATE_MEMBER = re.compile(rf"{KEY}=[ -+\--<>-~]{{0,255}}[!-+\--<>-~]")
MAX_STATE_LENGTH = 512
"""Characters of a tracestate that are passed on. Members beyond it are dropped, last ones first."""
MAX_STATE_MEMBERS = 32
SAMPLED = 1


@dataclass(frozen=True)
class TraceContext:
    """Names a trace, and the span in it that is the parent of what follows.

    The form is that of https://www.w3.org/TR/trace-context/. Both texts are ASCII.
    """

    traceparent: str
    tracestate: str = ""

    @classmethod
    def parse(cls, traceparent: str, tracestate: str = "") -> Self | None:
        """Return the context of two headers; None for an invalid traceparent, as W3C demands.

        Of a later version only the members of version 00 are used. An invalid tracestate is
        dropped alone.
        """
        given = traceparent.strip(" \t")
        head = given[:55]
        is_known = given[:2] == "00"
        rest = given[55:]
        if not TRACEPARENT.fullmatch(head) or (rest and (is_known or rest[0] != "-")):
            return None
        return cls(f"00{head[2:]}", bounded_state(tracestate))

    @property
    def trace_id(self) -> str:
        """32 hexadecimal digits."""
        return self.traceparent[3:35]

    @property
    def span_id(self) -> str:
        """16 hexadecimal digits."""
        return self.traceparent[36:52]

    @property
    def flags(self) -> int:
        return int(self.traceparent[53:55], 16)

    @property
    def is_sampled(self) -> bool:
        """Return whether whoever began the trace records it."""
        return bool(self.flags & SAMPLED)

    @property
    def headers(self) -> Mapping[str, str]:
        """The headers that pass the context on."""
        if not self.tracestate:
            return {"traceparent": self.traceparent}
        return {"traceparent": self.traceparent, "tracestate": self.tracestate}


def bounded_state(tracestate: str) -> str:
    """Return the first members of a tracestate that fit; "" if one of them is invalid."""
    kept: list[str] = []
    length = -1
    for member in filter(None, (part.strip(" \t") for part in tracestate.split(","))):
        length += len(member) + 1
        if length > MAX_STATE_LENGTH or len(kept) == MAX_STATE_MEMBERS:
            break
        if not STATE_MEMBER.fullmatch(member):
            return ""
        kept.append(member)
    return ",".join(kept)
