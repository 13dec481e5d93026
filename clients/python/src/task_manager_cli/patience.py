"""Say why a command waits while its connection is broken."""

from dataclasses import asdict

from task_manager_cli.exits import say
from task_manager_client.errors import TaskManagerError
from task_manager_client.retries import STREAM_RETRIES, Retries

TOLD_ATTEMPT = 2
"""The failed attempt in a row that is told; one passes within a second."""


class ToldRetries(Retries):
    """The policy of waits and streams, which may try again for a minute, and say so on stderr."""

    def delay(
        self, error: TaskManagerError, attempt: int, *, repeatable: bool, chance: float
    ) -> float | None:
        """Return the delay before the next attempt. None if there is none."""
        delay = super().delay(error, attempt, repeatable=repeatable, chance=chance)
        if delay is not None and attempt == TOLD_ATTEMPT:
            say(f"{error}\nTrying again for about a minute. Ctrl-C ends.")
        return delay


TOLD_RETRIES = ToldRetries(**asdict(STREAM_RETRIES))
