"""Encode the id of a task in 16 bytes, as Redis holds it."""

import re
from functools import lru_cache

IDS_REMEMBERED = 1_024
ID_LENGTH = 36
CANONICAL_ID = re.compile("[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")
"""A UUID of version 7 in the spelling of RFC 9562. uuid.UUID would take four times as long."""


def id_bytes(task_id: str) -> bytes | None:
    """Return the 16 bytes of a task id; None for text that is no canonical UUID of version 7."""
    return _id_bytes(task_id) if len(task_id) == ID_LENGTH else None


@lru_cache(IDS_REMEMBERED)  # it holds texts of callers, so their length is checked before
def _id_bytes(task_id: str) -> bytes | None:
    return bytes.fromhex(task_id.replace("-", "")) if CANONICAL_ID.fullmatch(task_id) else None


def require_id_bytes(task_id: str) -> bytes:
    """Return the 16 bytes of a task id. Raises ValueError for any other text."""
    raw = id_bytes(task_id)
    if raw is None:
        raise ValueError(f"not a task id: {task_id!r}")
    return raw


def stored_bytes(task_id: str) -> bytes:
    """Return the bytes of a text of id_text, also of damaged bytes that are no task id."""
    return bytes.fromhex(task_id.replace("-", ""))


@lru_cache(IDS_REMEMBERED)
def id_text(raw: bytes) -> str:
    digits = raw.hex()
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"
