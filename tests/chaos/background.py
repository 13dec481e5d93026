"""Threads that work beside a row and end with it."""

import threading
from collections.abc import Callable, Iterable
from typing import Self

Work = Callable[[threading.Event], None]
"""Returns soon after the event is set."""


class Background:
    """Run each work in a thread of its own for as long as the context is entered.

    Leaving the context raises the first exception that ended a work, so that no row passes because
    its load was gone.
    """

    def __init__(self, works: Iterable[Work]) -> None:
        self._ended = threading.Event()
        self._threads = [
            threading.Thread(target=self._carry_out, args=(work,), daemon=True) for work in works
        ]
        self._errors: list[BaseException] = []

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        for thread in self._threads:
            thread.join()
        if self._errors:
            raise self._errors[0]

    def _carry_out(self, work: Work) -> None:
        try:
            work(self._ended)
        except BaseException as error:
            self._errors.append(error)
