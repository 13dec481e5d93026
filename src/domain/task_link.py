"""A link that lets its holder read one task, and cancel it, without a key."""

import base64
import hmac
import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from hashlib import sha256
from itertools import product
from typing import Self

from domain.access import Permission

TOKEN = re.compile(r"tl_([0-9A-Za-z_-]{24})([0-9A-Za-z_-]{43})")
"""The end, actions and key of a link, and its signature, in base64url (RFC 4648, section 5)."""
PURPOSE = b"task-manager link 1"
"""Signatures of other things, and of other forms of links, are never valid here."""
TIME_BYTES, MAX_SECONDS = 5, 253_402_300_799
"""The end is in seconds since 1970, up to the end of the year 9999."""


class LinkAction(StrEnum):
    READ = "read"
    """Read the task, its events and its log."""
    CANCEL = "cancel"


PERMISSION_OF = {LinkAction.READ: Permission.READ, LinkAction.CANCEL: Permission.CHANGE}


@dataclass(frozen=True, kw_only=True)
class TaskLink:
    """What a link grants. Nothing is stored of it: its token says all, and is signed.

    The signature also covers the task, which the URL names, and the hash of the key's secret with
    which the link was made: the link ends with that secret.
    """

    task_id: str
    key_id: str
    actions: frozenset[LinkAction]
    expires_at: datetime
    """Whole seconds."""

    @classmethod
    def parse(cls, token: str, task_id: str) -> Self | None:
        """Return what the token of a link to this task claims; None for any other text.

        Only `is_signed` says whether it is true.
        """
        match = TOKEN.fullmatch(token)
        if not match:
            return None
        members = base64.urlsafe_b64decode(match[1])
        bits, key_id = members[TIME_BYTES], members[TIME_BYTES + 1 :]
        seconds = int.from_bytes(members[:TIME_BYTES])
        if seconds > MAX_SECONDS or not key_id.isascii():
            return None
        return cls(
            task_id=task_id,
            key_id=key_id.decode(),
            actions=frozenset(each for at, each in enumerate(LinkAction) if bits >> at & 1),
            expires_at=datetime.fromtimestamp(seconds, UTC),
        )

    def token(self, secret: str, key_sha256: bytes) -> str:
        """Return the token that a secret of the service signs."""
        return f"tl_{self._members()}{self._signature(secret, key_sha256)}"

    def is_signed(self, token: str, secrets: Iterable[str], key_sha256s: Iterable[bytes]) -> bool:
        """Return whether one of the secrets has signed the token. Takes the same time for each."""
        same = [
            hmac.compare_digest(token.encode(), self.token(*pair).encode())
            for pair in product(secrets, key_sha256s)
        ]
        return any(same)

    def _members(self) -> str:
        seconds = int(self.expires_at.timestamp()).to_bytes(TIME_BYTES)
        bits = sum(1 << at for at, each in enumerate(LinkAction) if each in self.actions)
        return base64.urlsafe_b64encode(seconds + bytes([bits]) + self.key_id.encode()).decode()

    def _signature(self, secret: str, key_sha256: bytes) -> str:
        signed = (PURPOSE, self.task_id.encode(), self._members().encode(), key_sha256)
        digest = hmac.digest(secret.encode(), b"\0".join(signed), sha256)
        return base64.urlsafe_b64encode(digest).decode().rstrip("=")
