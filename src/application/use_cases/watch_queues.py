"""Notice queues whose tasks nobody will start."""

from collections.abc import Sequence

from application.use_cases.list_queues import ListQueues


class WatchQueues:
    """One instance per process: it remembers what it told."""

    def __init__(self, list_queues: ListQueues) -> None:
        self._list_queues = list_queues
        self._known: set[str] = set()

    def execute(self) -> Sequence[str]:
        """The queues in which tasks wait that no living worker serves, but for those that the last call told."""
        unserved = {
            report.state.name for report in self._list_queues.execute() if report.state.depth and not report.workers
        }
        new, self._known = unserved - self._known, unserved
        return sorted(new)
