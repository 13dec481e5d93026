"""A byte that the worker's parent and its children share: set once, seen before the next claim."""

import mmap


class StopFlag:
    """Made before the children are forked."""

    def __init__(self) -> None:
        self._memory = mmap.mmap(-1, 1)

    def set(self) -> None:
        self._memory[0] = 1

    @property
    def is_set(self) -> bool:
        return bool(self._memory[0])
