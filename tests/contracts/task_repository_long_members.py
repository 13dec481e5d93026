"""The part of the contract of TaskRepository about long members, which lists omit."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from application.ports.task_leases import TaskLeases
from application.ports.task_repository import Change, PageRequest, TaskRepository
from application.task_filter import EVERY_TASK, TaskFilter
from domain.retry_policy import RetryPolicy
from domain.status import Status
from domain.task import Task
from domain.task_spec import TaskPatch
from domain.trace_context import TraceContext
from tests.building import AN_ERROR, a_task
from tests.storing import rename, submit

AT_ONCE = timedelta(0)
FAR = datetime(2999, 1, 1, tzinfo=UTC)
LONG_PAYLOAD = {"body": "z" * 5_000}


class LongMembersContract:
    def test_a_change_of_a_task_read_without_its_payload_keeps_the_payload(
        self, repository: TaskRepository
    ) -> None:
        payload = {"body": "y" * 5_000}
        stored = submit(
            repository, type="http", payload=payload, run_at=datetime(2000, 1, 1, tzinfo=UTC)
        )

        [due] = repository.due(limit=10)
        repository.save(Change(before=due, after=due.promote()))

        assert due.omitted == ("payload",)
        assert repository.get(stored.task_id).spec.payload == payload

    @pytest.mark.parametrize("payload", [{}, LONG_PAYLOAD], ids=["short", "long"])
    def test_each_way_to_read_a_task_returns_its_trace_and_its_submitter(
        self, repository: TaskRepository, leases: TaskLeases, payload: dict[str, str]
    ) -> None:
        trace = TraceContext(f"00-{'a' * 32}-{'b' * 16}-01", "vendor=x y")
        new = replace(a_task(type="http", payload=payload), trace=trace, submitted_by="k1")

        [added] = repository.add([new])
        run = leases.claim("default", owner="a:1", claim_id="1")
        assert run
        [seen] = repository.get_many([run.task_id])
        done = repository.save(Change(before=run, after=run.complete("done", datetime.now(UTC))))
        stored = repository.get(run.task_id)

        for task in (added, run, seen, done, stored):
            assert (task.trace, task.submitted_by) == (trace, "k1")

    def test_the_error_of_a_failed_run_stays_while_the_task_waits_and_runs_again(
        self, repository: TaskRepository, leases: TaskLeases
    ) -> None:
        submit(repository, type="http", payload=LONG_PAYLOAD, retry=RetryPolicy(max_attempts=2))
        run = leases.claim("default", owner="a:1", claim_id="1")
        assert run
        waiting = repository.save(Change(before=run, after=run.fail(AN_ERROR, datetime.now(UTC))))

        [seen] = repository.get_many(
            [waiting.task_id]
        )  # without its payload, as lists and snapshots read it
        assert repository.get(waiting.task_id).last_error == seen.last_error == AN_ERROR

        repository.save(Change(before=waiting, after=waiting.promote()))
        again = leases.claim("default", owner="a:1", claim_id="2")
        assert again
        assert again.last_error == AN_ERROR
        done = repository.save(
            Change(before=again, after=again.complete("done", datetime.now(UTC)))
        )
        assert done.last_error is repository.get(done.task_id).last_error is None

    def test_methods_that_read_many_tasks_omit_long_members_and_name_them(
        self, repository: TaskRepository, leases: TaskLeases
    ) -> None:
        brief = submit(repository, type="http", payload={"body": "y" * 4_000})
        done = self._complete_with_long_members(repository, leases, queue="long")

        pages = [
            repository.find(wanted, PageRequest()).tasks
            for wanted in (EVERY_TASK, TaskFilter(text="x" * 5_000))
        ]

        assert pages[0][0] == brief
        [seen] = pages[1]
        assert [
            seen,
            *pages[0][1:],
            *repository.get_many([done.task_id]),
            *(task for task, _ in repository.each_with_position([done.task_id])),
            *repository.past_retention(AT_ONCE, limit=9),
        ] == [seen] * 5
        assert (seen.omitted, dict(seen.spec.payload), seen.result) == (
            ("payload", "result"),
            {},
            None,
        )
        assert repository.get(done.task_id) == done

    def test_a_change_of_a_task_without_its_long_members_keeps_them(
        self, repository: TaskRepository, leases: TaskLeases
    ) -> None:
        done = self._complete_with_long_members(repository, leases, queue="one")
        waiting = submit(repository, type="http", payload=LONG_PAYLOAD, run_at=FAR)
        for task_id in (done.task_id, waiting.task_id):
            [seen] = repository.get_many([task_id])
            repository.save(rename(seen, "new"))
        [seen] = repository.get_many([waiting.task_id])
        [cancelled] = repository.save_many(
            [Change(before=seen, after=seen.cancel(datetime.now(UTC)))]
        )
        assert cancelled
        [seen] = repository.get_many([waiting.task_id])
        repository.save(Change(before=seen, after=seen.retry(datetime.now(UTC))))

        kept, again = repository.get(done.task_id), repository.get(waiting.task_id)
        assert (kept.spec.task_name, kept.spec.payload, kept.result) == (
            "new",
            LONG_PAYLOAD,
            done.result,
        )
        assert (again.spec.task_name, again.spec.payload, again.status) == (
            "new",
            LONG_PAYLOAD,
            Status.QUEUED,
        )

    def test_a_member_that_was_not_read_cannot_be_changed(
        self, repository: TaskRepository, leases: TaskLeases
    ) -> None:
        waiting = submit(repository, type="http", payload=LONG_PAYLOAD)
        [seen] = repository.get_many([waiting.task_id])
        other = TaskPatch({"payload": {"url": "https://example.com"}})

        with pytest.raises(ValueError, match="payload"):
            repository.save(Change(before=seen, after=seen.patch(other)))
        with pytest.raises(ValueError, match="payload"):
            repository.add([replace(seen, task_id=a_task().task_id)])

        assert repository.get(waiting.task_id) == waiting

    def _complete_with_long_members(
        self, repository: TaskRepository, leases: TaskLeases, queue: str
    ) -> Task:
        submit(repository, type="http", payload=LONG_PAYLOAD, queue=queue)
        run = leases.claim(queue, owner="long:1", claim_id="1")
        assert run
        return repository.save(
            Change(before=run, after=run.complete("x" * 5_000, datetime.now(UTC)))
        )
