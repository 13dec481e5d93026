"""Whether a process is stopped (job control), as Linux tells in /proc."""

from pathlib import Path

STOPPED = "T"
"""proc(5): stopped by SIGSTOP, SIGTSTP, SIGTTIN or SIGTTOU. A process under a debugger is "t" instead."""


def is_stopped(pid: int) -> bool:
    """Return True when all of the process stands still until SIGCONT. Always False off Linux."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return False
    return stat.rpartition(") ")[2].startswith(STOPPED)
