"""Let Ctrl-C end the process without a traceback while its modules are imported.

Importing this module lets SIGINT end the process. `end` restores Python's own handler.
"""

import signal

_before = signal.getsignal(signal.SIGINT)
if _before is signal.default_int_handler:
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def end() -> None:
    """Restore the handler of SIGINT that was set before this module was imported."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_DFL:
        signal.signal(signal.SIGINT, _before)
