"""Decide when calls to a server are cut off: it is silent, or one connection to it is dead.

The age of a call says nothing about the server: the call may be queued behind other calls of this
process, or this process may have had no time to read the reply. A wait is therefore divided into
turns of 100 ms. Ten turns without a byte on any connection mean that the server is silent. A turn
in which this process was busy counts as one turn, however long it took: the process looks for the
reply before it begins the next turn.
"""

from enum import Enum, auto

TURN_SECONDS = 0.1
MAX_SILENT_TURNS = 10
MAX_OVERTAKING_ROUNDS = 10
"""A connection is dead when so many calls on others had replies while one call on it waits in vain.

Only calls that were sent one after the other count, each after the reply to the one before.
"""


class Verdict(Enum):
    WAIT = auto()
    SERVER_SILENT = auto()
    """No byte came from the server although calls wait for replies."""
    CONNECTION_DEAD = auto()
    """Later calls on other connections had replies, and this one had none."""


class ServerContact:
    """Counts what all connections of this process received from one server."""

    def __init__(self) -> None:
        self.pieces_received = 0
        """Number of pieces of replies that arrived on any connection."""
        self.rounds = 0
        """Number of calls that had a reply, each sent after the reply to the one before."""
        self.silences_found = 0
        """Number of waits that found the server silent."""

    def count_piece(self, first_round: int) -> None:
        """Count a piece of a reply to a call for which `rounds` was `first_round` at its start."""
        self.pieces_received += 1
        if first_round == self.rounds:
            self.rounds += 1


class Wait:
    """One wait for the server, which counts its turns."""

    def __init__(self, contact: ServerContact) -> None:
        self.turns = 0
        self._contact = contact
        self._pieces_seen = contact.pieces_received
        self._first_round = contact.rounds
        self._silences_seen = contact.silences_found
        self._silent_turns = 0

    def end_turn(self) -> Verdict:
        contact = self._contact
        self.turns += 1
        self._silent_turns += 1
        if contact.pieces_received != self._pieces_seen:
            self._pieces_seen, self._silent_turns = contact.pieces_received, 0
        if self._silent_turns >= MAX_SILENT_TURNS:
            contact.silences_found += 1
            return Verdict.SERVER_SILENT
        if contact.silences_found != self._silences_seen and self._silent_turns:
            return Verdict.SERVER_SILENT  # another wait has found it silent
        if (
            self.turns >= MAX_SILENT_TURNS
            and contact.rounds - self._first_round >= MAX_OVERTAKING_ROUNDS
        ):
            return Verdict.CONNECTION_DEAD
        return Verdict.WAIT
