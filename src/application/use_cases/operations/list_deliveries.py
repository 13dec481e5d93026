"""List the latest delivery attempts of all tasks."""

from application.ports.delivery_log import DeliveryFilter, DeliveryLog, DeliveryPage


class ListDeliveries:
    def __init__(self, delivery_log: DeliveryLog) -> None:
        self._delivery_log = delivery_log

    def execute(
        self, wanted: DeliveryFilter, *, limit: int, after: str | None = None
    ) -> tuple[DeliveryPage, int]:
        """Return a page of matching attempts, newest first, and the number of pending webhooks.

        Raises StoreUnavailable, and ValueError when `after` is no position.
        """
        page = self._delivery_log.latest(wanted, limit=limit, after=after)
        return page, self._delivery_log.pending()
