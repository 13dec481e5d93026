from application.ports.store_layout import StoreLayout
from application.store_layout import Layout


class FakeStoreLayout(StoreLayout):
    def __init__(self) -> None:
        self._stored: Layout | None = None

    def stored(self) -> Layout | None:
        return self._stored

    def raise_to(self, layout: Layout) -> None:
        before = self._stored or layout
        self._stored = Layout(
            number=max(before.number, layout.number), readers=max(before.readers, layout.readers)
        )
