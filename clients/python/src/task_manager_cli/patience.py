"""Say why a command waits: its connection is broken, or its limit of requests is reached."""

from dataclasses import asdict

from task_manager_cli.exits import say
from task_manager_client.errors import RateLimited, TaskManagerError
from task_manager_client.retries import STREAM_RETRIES, Retries

TOLD_ATTEMPT = 2
"""The failed attempt in a row that is told; one passes within a second."""


TOLD_SECONDS = 2.0
"""A wait for the limit of requests that is longer is told."""


class CallRetries(Retries):
    """The policy of single calls, which says on stderr when the limit of requests is reached."""

    def delay(
        self, error: TaskManagerError, attempt: int, *, repeatable: bool, chance: float
    ) -> float | None:
        """Return the delay before the next attempt. None if there is none."""
        delay = super().delay(error, attempt, repeatable=repeatable, chance=chance)
        if delay is not None and delay >= TOLD_SECONDS and isinstance(error, RateLimited):
            say(f"{error} Going on then. Ctrl-C ends.")
        return delay


class ToldRetries(CallRetries):
    """The policy of waits and streams, which may try again for a minute, and say so on stderr."""

    def delay(
        self, error: TaskManagerError, attempt: int, *, repeatable: bool, chance: float
    ) -> float | None:
        """Return the delay before the next attempt. None if there is none."""
        delay = super().delay(error, attempt, repeatable=repeatable, chance=chance)
        is_new = attempt == TOLD_ATTEMPT and not isinstance(error, RateLimited)
        if delay is not None and is_new:
            say(f"{error}\nTrying again for about a minute. Ctrl-C ends.")
        return delay


CALL_RETRIES = CallRetries()
TOLD_RETRIES = ToldRetries(**asdict(STREAM_RETRIES))
