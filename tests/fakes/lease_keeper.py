from application.ports.run import LeaseKeeper
from domain.task import Task


class FakeLeaseKeeper(LeaseKeeper):
    """Writes down what it was told."""

    def __init__(self) -> None:
        self.calls: list[str] = []

    def arm(self) -> None:
        self.calls.append("arm")

    def start_renewing(self, task: Task) -> None:
        self.calls.append(f"start renewing {task.task_id}")

    def stop_renewing(self) -> None:
        self.calls.append("stop renewing")

    def release(self) -> None:
        self.calls.append("release")
