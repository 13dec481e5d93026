"""Many runs of one process: claims, renewals and ends, on a store that may fail."""

import pytest

from application.errors import StoreUnavailable
from application.optimistic_update import OptimisticUpdate
from application.ports.lease_alarm import LeaseAlarm
from application.run_outcome import Completed, Moved
from application.use_cases.worker.finish_run import FinishRun
from application.use_cases.worker.run_together import MAX_CLAIMS_AT_ONCE, RunTogether
from domain.status import Status
from domain.task import Task
from domain.task_spec import IO, PROCESS
from tests.fakes.clock import FakeClock
from tests.fakes.task_store import FakeTaskStore
from tests.storing import stored, submit


class FakeLeaseAlarm(LeaseAlarm):
    renewed_at: float | None = None

    def set(self, renewed_at: float | None) -> None:
        self.renewed_at = renewed_at


@pytest.fixture
def alarm() -> FakeLeaseAlarm:
    return FakeLeaseAlarm()


@pytest.fixture
def together(store: FakeTaskStore, clock: FakeClock, alarm: FakeLeaseAlarm) -> RunTogether:
    return build(store, clock, alarm)


def build(
    store: FakeTaskStore, clock: FakeClock, alarm: LeaseAlarm, slots: int = 3, **queues: object
) -> RunTogether:
    names = queues.get("queues", ["default"])
    return RunTogether(
        leases=store,
        finish_run=FinishRun(OptimisticUpdate(store), clock),
        alarm=alarm,
        clock=clock,
        process="a:1",
        slots=slots,
        queues=names,
    )


def begin(together: RunTogether) -> list[Task]:
    together.wake()
    return list(together.turn(claim=True))


def test_as_many_begin_as_there_are_slots_and_the_next_when_one_has_ended(store, together) -> None:
    ids = [submit(store, pool=IO).task_id for _ in range(4)]
    runs = begin(together)

    together.end(runs[1], Completed("done"))
    following = [*together.turn(claim=True), *together.turn(claim=True)]

    assert [run.task_id for run in [*runs, *following]] == ids
    assert stored(store, runs[1]).result == "done"
    assert following[0].owner == runs[1].owner


def test_nothing_is_claimed_in_a_queue_that_was_empty_until_the_next_wake_up(
    store, together
) -> None:
    assert begin(together) == []
    assert not together.may_claim
    submit(store, pool=IO)

    together.wake()
    assert together.may_claim
    assert len(together.turn(claim=True)) == 1


def test_every_queue_gets_its_turn(store, clock, alarm) -> None:
    names = ["a", "b", "c"]
    together = build(store, clock, alarm, slots=3, queues=names)
    for name in names:
        for _ in range(5):
            submit(store, pool=IO, queue=name)

    assert {run.spec.queue for run in begin(together)} == set(names)


def test_one_turn_claims_a_bounded_number(store, clock, alarm) -> None:
    together = build(store, clock, alarm, slots=100)
    for _ in range(40):
        submit(store, pool=IO)

    assert len(begin(together)) == MAX_CLAIMS_AT_ONCE


def test_lost_replies_start_and_end_each_task_once(store, together) -> None:
    tasks = [submit(store, pool=IO) for _ in range(2)]
    together.wake()
    store.lose_replies = 1
    with pytest.raises(StoreUnavailable):
        together.turn(claim=True)
    runs = together.turn(claim=False)
    assert [run.task_id for run in runs] == [task.task_id for task in tasks]
    for run in runs:
        together.end(run, Completed("done"))
    store.lose_replies = 1
    with pytest.raises(StoreUnavailable):
        together.turn(claim=False)

    together.turn(claim=False)

    assert [stored(store, task).attempt for task in tasks] == [1, 1]
    assert {stored(store, task).status for task in tasks} == {Status.COMPLETED}
    assert (together.taken, together.has_unsaved) == (0, False)


def test_an_end_that_cannot_be_stored_becomes_a_failure_and_the_others_are_saved(
    store, together
) -> None:
    for _ in range(2):
        submit(store, pool=IO)
    bad, good = begin(together)
    together.end(bad, Completed(object()))
    together.end(good, Completed("done"))

    together.turn(claim=False)

    assert stored(store, bad).status is Status.FAILED
    assert stored(store, good).status is Status.COMPLETED


def test_renewals_tell_what_was_cancelled_and_what_was_lost(store, clock, together) -> None:
    for _ in range(3):
        submit(store, pool=IO)
    _, cancelled, lost = begin(together)
    update = OptimisticUpdate(store)
    update.apply(cancelled.task_id, lambda task: task.cancel(clock.now()))
    update.apply(lost.task_id, lambda task: task.lose(clock.now()))

    orders = together.renew()

    assert [run.task_id for run in orders.to_stop] == [cancelled.task_id]
    assert [run.task_id for run in orders.lost] == [lost.task_id]
    together.end(lost, Completed("too late"))
    together.turn(claim=False)
    assert stored(store, lost).status is Status.QUEUED


def test_the_alarm_is_set_for_the_oldest_lease_and_off_without_work(
    store, clock, together, alarm
) -> None:
    submit(store, pool=IO)
    began = clock.monotonic()
    [run] = begin(together)
    assert alarm.renewed_at == began
    clock.sleep(3)
    store.away = True
    with pytest.raises(StoreUnavailable):
        together.renew()
    assert alarm.renewed_at == began
    store.away = False
    together.renew()
    assert alarm.renewed_at == began + 3

    together.end(run, Completed(None))
    together.turn(claim=False)

    assert alarm.renewed_at is None


def test_a_claim_whose_reply_was_lost_keeps_the_alarm_set(store, clock, together, alarm) -> None:
    submit(store, pool=IO)
    together.wake()
    store.lose_replies = 1
    with pytest.raises(StoreUnavailable):
        together.turn(claim=True)

    assert alarm.renewed_at == clock.monotonic()


def test_a_run_that_blocks_the_others_goes_on_in_a_process_uncounted(store, together) -> None:
    task = submit(store, pool=IO)
    [run] = begin(together)

    together.end(run, Moved())
    together.turn(claim=False)

    moved = stored(store, task)
    assert (moved.status, moved.spec.pool, moved.attempt) == (Status.QUEUED, PROCESS, 0)
