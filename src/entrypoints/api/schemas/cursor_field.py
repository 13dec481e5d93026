"""Cursors of lists, as they are on the wire."""

import base64
import binascii
import re
from typing import Any

from marshmallow import ValidationError, fields

from application.ports.task_repository import Cursor
from entrypoints.api.schemas.fields import describe

POSITION = re.compile("[0-9]{1,15}-[0-9]{1,15}")
MILLISECONDS = re.compile("[0-9]{1,15}")


class CursorField(fields.Field[tuple[Cursor, bool]]):
    """The cursor of a page, and whether its list has the newest task first."""

    def __init__(self, **options: Any) -> None:
        describe(options, type="string")
        super().__init__(**options)

    def _deserialize(
        self, value: Any, attr: str | None, data: Any, **options: Any
    ) -> tuple[Cursor, bool]:
        try:
            order, milliseconds, task_id = (
                base64.b64decode(str(value), altchars=b"-_", validate=True).decode().split(" ")
            )
            if not MILLISECONDS.fullmatch(milliseconds):
                raise ValueError(milliseconds)
            return Cursor(int(milliseconds), task_id), {"newest": True, "oldest": False}[order]
        except (binascii.Error, ValueError, KeyError):
            raise ValidationError("Must be a next_cursor of this service.") from None


def encode_cursor(cursor: Cursor, *, newest_first: bool) -> str:
    """Return a cursor as text, which CursorField reads."""
    text = f"{'newest' if newest_first else 'oldest'} {cursor.milliseconds} {cursor.task_id}"
    return base64.urlsafe_b64encode(text.encode()).decode()


class PositionField(fields.Field[str]):
    """The cursor of a page of a log, which is a position in it."""

    def __init__(self, **options: Any) -> None:
        describe(options, type="string")
        super().__init__(**options)

    def _deserialize(self, value: Any, attr: str | None, data: Any, **options: Any) -> str:
        try:
            position = base64.b64decode(str(value), altchars=b"-_", validate=True).decode()
        except (binascii.Error, ValueError):
            position = ""
        if not POSITION.fullmatch(position):
            raise ValidationError("Must be a next_cursor of this service.")
        return position


def encode_position(position: str) -> str:
    """Return a position as text, which PositionField reads."""
    return base64.urlsafe_b64encode(position.encode()).decode()
