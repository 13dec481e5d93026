"""Decide when calls to a server are cut off: it is silent, or one connection to it is dead.

The age of a call says nothing about the server: the call may stand in a line of this process's own
calls, or this process may have had no time to read the reply. A wait is therefore made of turns of
100 ms, and those turns count in which no byte arrived on any connection. A turn in which this
process was busy is one turn, however long it took, and the reply is looked for before the next one
begins.
"""

from enum import Enum, auto

TURN_SECONDS = 0.1
MAX_SILENT_TURNS = 10
MAX_OVERTAKING_ROUNDS = 10
"""Rounds of other calls, each begun after the reply to the one before, until a call is lost."""


class Verdict(Enum):
    WAIT = auto()
    SERVER_SILENT = auto()
    """No byte came from the server although calls wait for replies."""
    CONNECTION_DEAD = auto()
    """Later calls on other connections had replies, and this one had none."""


class ServerContact:
    """What all connections of this process have heard of one server."""

    def __init__(self) -> None:
        self.heard = 0
        """Number of pieces of replies that arrived."""
        self.rounds = 0
        """Number of calls that had a reply, each begun after the reply to the one before."""
        self.silences = 0
        """How often the server was found silent."""

    def hear(self, began_in: int) -> None:
        """Count a piece of a reply to a call that began in that round."""
        self.heard += 1
        if began_in == self.rounds:
            self.rounds += 1


class Wait:
    """One wait for the server, which counts its turns."""

    def __init__(self, contact: ServerContact) -> None:
        self.turns = 0
        self._contact = contact
        self._heard, self._began_in, self._silences = (
            contact.heard,
            contact.rounds,
            contact.silences,
        )
        self._silent_turns = 0

    def end_turn(self) -> Verdict:
        contact = self._contact
        self.turns += 1
        self._silent_turns += 1
        if contact.heard != self._heard:
            self._heard, self._silent_turns = contact.heard, 0
        if self._silent_turns >= MAX_SILENT_TURNS:
            contact.silences += 1
            return Verdict.SERVER_SILENT
        if contact.silences != self._silences and self._silent_turns:
            return Verdict.SERVER_SILENT  # another wait has found it silent
        if (
            self.turns >= MAX_SILENT_TURNS
            and contact.rounds - self._began_in >= MAX_OVERTAKING_ROUNDS
        ):
            return Verdict.CONNECTION_DEAD
        return Verdict.WAIT
