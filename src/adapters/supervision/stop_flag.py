"""Shares one byte between the worker's parent and its children, which read it before each claim."""

import mmap


class StopFlag:
    """A flag that is set once. Create it before the children are forked."""

    def __init__(self) -> None:
        self._memory = mmap.mmap(-1, 1)

    def set(self) -> None:
        self._memory[0] = 1

    @property
    def is_set(self) -> bool:
        return bool(self._memory[0])
