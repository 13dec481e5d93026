"""The contract of TaskLeases, inherited by the tests of its fake and of its adapter."""

from tests.contracts.task_leases_claims import ClaimsContract
from tests.contracts.task_leases_ends import RunEndsContract
from tests.contracts.task_leases_expiry import LeaseExpiryContract
from tests.contracts.task_leases_many import ManyRunsContract


class TaskLeasesContract(ClaimsContract, LeaseExpiryContract, ManyRunsContract, RunEndsContract):
    """Holds all parts. Those who inherit it define the fixture `let_leases_run_out`."""
