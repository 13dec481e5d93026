from collections.abc import Sequence

from application.ports.store_probe import StoreProbe
from tests.fakes.records import FakeRecords


class FakeStoreProbe(FakeRecords, StoreProbe):
    """Returns the `dangers` and says whether the records are `full`."""

    def check(self) -> None:
        with self._reached():
            pass

    def warnings(self) -> Sequence[str]:
        self.check()
        return self.dangers

    def guard_capacity(self) -> bool:
        self.check()
        return self.full
