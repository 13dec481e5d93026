"""Ends the process by the signal, without a traceback, when Ctrl-C comes while its modules are imported.

The import of this module begins that time; `end` ends it, and gives the signal back to Python.
"""

import signal

_before = signal.getsignal(signal.SIGINT)
if _before is signal.default_int_handler:
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def end() -> None:
    if signal.getsignal(signal.SIGINT) is signal.SIG_DFL:
        signal.signal(signal.SIGINT, _before)
