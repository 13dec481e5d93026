"""End the streams of keys that are no longer valid."""

import logging
import threading
import time
from collections import defaultdict
from collections.abc import Callable

from application.errors import StoreUnavailable
from application.use_cases.access.authenticate import Authenticate, InvalidCredentials
from application.use_cases.tasks.following import Following
from entrypoints.api.access.credentials import Credentials

INTERVAL_SECONDS = 1.0

logger = logging.getLogger(__name__)


class OpenStreams:
    """Looks once in a second at the credentials of all open streams, while there are any.

    With what Authenticate remembers, a stream ends within five seconds of the end of its key.
    """

    def __init__(
        self, authenticate: Authenticate, sleep: Callable[[float], None] = time.sleep
    ) -> None:
        self._authenticate = authenticate
        self._sleep = sleep
        self._lock = threading.Lock()
        self._streams: defaultdict[Credentials, set[Following]] = defaultdict(set)
        self._is_watched = False

    def add(self, credentials: Credentials, following: Following) -> Callable[[], None]:
        """Watch over a stream. Returns the function that ends the watch."""
        with self._lock:
            self._streams[credentials].add(following)
            if not self._is_watched:
                self._is_watched = True
                threading.Thread(target=self._watch, name="open-streams", daemon=True).start()

        def remove() -> None:
            with self._lock:
                self._streams[credentials].discard(following)
                if not self._streams[credentials]:
                    del self._streams[credentials]

        return remove

    def _watch(self) -> None:
        while True:
            self._sleep(INTERVAL_SECONDS)
            with self._lock:
                shown = list(self._streams)
                self._is_watched = bool(shown)
            if not shown:
                return
            for credentials in shown:
                if not self._is_valid(credentials):
                    self._end(credentials)

    def _is_valid(self, credentials: Credentials) -> bool:
        try:
            credentials.caller(self._authenticate)
        except InvalidCredentials:
            return False
        except StoreUnavailable:
            return True  # the streams end by themselves
        except Exception:
            logger.exception("Cannot check a key", extra={"action": "key_unchecked"})
        return True

    def _end(self, credentials: Credentials) -> None:
        with self._lock:
            streams = list(self._streams.get(credentials, ()))
        for following in streams:
            following.end()
