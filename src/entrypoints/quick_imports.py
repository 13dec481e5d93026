"""Import the modules of a process quickly, and few of them."""

import contextlib
import gc
import sys
from collections.abc import Iterator, Sequence
from importlib.abc import MetaPathFinder


@contextlib.contextmanager
def quick_imports() -> Iterator[None]:
    """Suspend garbage collections. What was imported is never looked at by later ones.

    An import creates several 100,000 objects that live as long as the process. Collections took a
    quarter of the seconds of a start, and later ones would write to memory that a process shares
    with its children (the documentation of gc.freeze).
    """
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()


@contextlib.contextmanager
def without(*names: str) -> Iterator[None]:
    """Let what is imported in the block find none of these libraries, which are optional for it."""
    finder = _NotFound(names)
    sys.meta_path.insert(0, finder)
    try:
        yield
    finally:
        sys.meta_path.remove(finder)


class _NotFound(MetaPathFinder):
    def __init__(self, names: Sequence[str]) -> None:
        self._names = names

    def find_spec(self, fullname: str, *_: object) -> None:
        """Raise ModuleNotFoundError for one of the names, and find nothing else."""
        if fullname in self._names:
            raise ModuleNotFoundError(f"{fullname} is not wanted here", name=fullname)
