"""The contract of StoreInspection, inherited by the tests of its fake and of its adapter."""

from application.ports.store_inspection import StoreInspection


class StoreInspectionContract:
    def test_a_store_that_works_can_be_used_and_runs_scripts(
        self, inspection: StoreInspection
    ) -> None:
        inspection.connect()
        inspection.try_scripts()

    def test_a_store_that_works_tells_of_no_fault(self, inspection: StoreInspection) -> None:
        server = inspection.server()

        assert server.version >= (7, 2)
        assert (server.is_replica, server.has_write_error) == (False, False)

    def test_its_time_goes_on(self, inspection: StoreInspection) -> None:
        assert inspection.time() <= inspection.time()
        assert inspection.time().tzinfo is not None
