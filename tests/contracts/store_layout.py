"""The contract of StoreLayout, inherited by the tests of its fake and of its adapter."""

import pytest

from application.ports.store_layout import StoreLayout
from application.store_layout import PRESENT_LAYOUT, Layout, StoreTooNew
from application.use_cases.operations.claim_layout import ClaimLayout

OURS = PRESENT_LAYOUT.number


class StoreLayoutContract:
    def test_a_store_names_none_until_a_process_has_started(self, layout: StoreLayout) -> None:
        assert layout.stored() is None

        ClaimLayout(layout).execute()

        assert layout.stored() == PRESENT_LAYOUT

    def test_it_is_never_lowered(self, layout: StoreLayout) -> None:
        newer = Layout(number=OURS + 2, readers=OURS)
        layout.raise_to(newer)

        ClaimLayout(layout).execute()
        layout.raise_to(PRESENT_LAYOUT)

        assert layout.stored() == newer

    def test_each_of_its_numbers_rises_by_itself(self, layout: StoreLayout) -> None:
        layout.raise_to(Layout(number=5, readers=2))
        layout.raise_to(Layout(number=4, readers=3))

        assert layout.stored() == Layout(number=5, readers=3)

    def test_a_store_that_needs_a_newer_release_is_refused(self, layout: StoreLayout) -> None:
        layout.raise_to(Layout(number=OURS + 2, readers=OURS + 1))

        with pytest.raises(StoreTooNew, match="Start the newer release again"):
            ClaimLayout(layout).execute()
