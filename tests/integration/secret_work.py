"""Handlers for tests whose payload has secret members."""

from typing import Annotated, Any

from pydantic import Field, SecretStr


def log_in(
    user: str,
    password: SecretStr,
    pin: Annotated[int, Field(json_schema_extra={"writeOnly": True})],
    *,
    context: Any,
) -> None:
    """Tell everything that it knows, and fail with it."""
    told = f"{user} {password.get_secret_value()} {pin}"
    print(told)
    context.progress(0.5, told)
    context.log(told)
    raise PermissionError(told)


async def log_in_together(
    user: str,
    password: SecretStr,
    pin: Annotated[int, Field(json_schema_extra={"writeOnly": True})],
    *,
    context: Any,
) -> None:
    """Do so in the I/O pool."""
    log_in(user, password, pin, context=context)
