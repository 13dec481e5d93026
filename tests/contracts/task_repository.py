"""The contract of TaskRepository, inherited by the tests of its fake and of its adapter."""

from tests.contracts.task_repository_backlogs import TaskBacklogsContract
from tests.contracts.task_repository_changes import TaskChangesContract
from tests.contracts.task_repository_lists import TaskListsContract
from tests.contracts.task_repository_long_members import LongMembersContract
from tests.contracts.task_repository_submissions import NewTasksContract


class TaskRepositoryContract(
    NewTasksContract,
    TaskChangesContract,
    TaskListsContract,
    TaskBacklogsContract,
    LongMembersContract,
):
    """Holds all parts. Those who inherit it define the fixture `let_a_millisecond_pass`."""
