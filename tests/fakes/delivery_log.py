from application.ports.delivery_log import DeliveryFilter, DeliveryLog, DeliveryPage
from tests.fakes.outbox import FakeOutbox


class FakeDeliveryLog(DeliveryLog):
    """Positions are numbers with a zero behind them."""

    def __init__(self, outbox: FakeOutbox) -> None:
        self._outbox = outbox

    def latest(
        self, wanted: DeliveryFilter, *, limit: int, after: str | None = None
    ) -> DeliveryPage:
        logged = list(enumerate(self._outbox.logged(), 1))
        if after is not None:
            number, _, zero = after.partition("-")
            if not (number.isdigit() and zero == "0"):
                raise ValueError(f"no position: {after!r}")
            logged = logged[: int(number) - 1]
        found = [(at, each) for at, each in reversed(logged) if wanted.matches(each)]
        shown = found[:limit]
        return DeliveryPage(
            deliveries=[each for _, each in shown],
            next=f"{shown[-1][0]}-0" if len(found) > limit else None,
        )

    def pending(self) -> int:
        return self._outbox.pending()

    def due(self) -> int:
        return self._outbox.due()
