"""Import the modules of a process without garbage collections."""

import contextlib
import gc
from collections.abc import Iterator


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
