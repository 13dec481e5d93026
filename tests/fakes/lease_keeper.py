from application.ports.run import LeaseKeeper
from domain.task import Task


class FakeLeaseKeeper(LeaseKeeper):
    """Records the calls, and whether the process would end by itself."""

    def __init__(self) -> None:
        self.calls: list[str] = []
        self.is_armed = False

    def arm(self) -> None:
        self.calls.append("arm")
        self.is_armed = True

    def start_renewing(self, run: Task) -> None:
        self.calls.append(f"start renewing {run.task_id}")

    def stop_renewing(self) -> None:
        self.calls.append("stop renewing")

    def release(self) -> None:
        self.calls.append("release")
        self.is_armed = False
