"""F-21: any order of calls, also repeated ones, keeps one holder for each task and the indexes."""

from collections.abc import Callable
from datetime import timedelta

from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)

from adapters.celery.app import create_celery_app
from adapters.celery.wake_ups import CeleryWakeUps, WakeUpFactory
from adapters.handlers.registry import HandlerRegistry
from adapters.handlers.sleep import SleepHandler
from adapters.redis.clock import RedisClock
from adapters.redis.connection import connect
from adapters.redis.store import RedisStore
from adapters.redis.task_leases import RedisTaskLeases
from adapters.redis.task_repository import RedisTaskRepository
from adapters.system.task_ids import UuidTaskIds
from adapters.tracing.untraced import Untraced
from application.admission import Admission
from application.errors import RunStillHeld, StaleTask, TaskNotFound
from application.optimistic_update import OptimisticUpdate
from application.ports.task_repository import Change
from application.use_cases.maintenance.promote_tasks import PromoteTasks
from application.use_cases.maintenance.prune_tasks import PruneTasks
from application.use_cases.maintenance.recover_tasks import RecoverTasks
from application.use_cases.tasks.cancel_task import CancelTask
from application.use_cases.tasks.delete_task import DeleteTask
from application.use_cases.tasks.retry_task import RetryTask
from application.use_cases.tasks.update_task import UpdateTask
from application.use_cases.worker.release_runs import ReleaseRuns
from domain.errors import TransitionRefused
from domain.retry_policy import RetryPolicy
from domain.status import Status
from domain.task import Task
from domain.task_error import TaskError
from domain.task_spec import TaskPatch, TaskSpec
from tests.chaos.stored_indexes import check_indexes
from tests.fakes.webhook_sender import FakeWebhookSender

QUEUE = "default"
OWNERS = st.sampled_from(["host:1", "host:2", "host:3"])
ANY = st.integers(0, 1_000_000)
PAST = 1
FAILURE = TaskError(code="handler_error", message="no")


ADMISSION = Admission(
    HandlerRegistry([SleepHandler()]), FakeWebhookSender(), max_payload_bytes=262_144
)


class TaskStore(RuleBasedStateMachine):
    """The model knows which claims it was given and which of them are over."""

    def __init__(self, url: str) -> None:
        super().__init__()
        self.client = connect(url)
        self.client.flushall()
        store = RedisStore(self.client)
        wake_up_factory = WakeUpFactory(create_celery_app(url, [QUEUE]))
        self.repository = RedisTaskRepository(store, wake_up_factory.wake_up_of, 1_000)
        self.leases = RedisTaskLeases(
            store,
            self.repository,
            wake_up_factory.wake_up_of,
            timedelta(milliseconds=900),
            events_kept=1_000,
        )
        self.queue = CeleryWakeUps(store, wake_up_factory)
        self.clock = RedisClock(store)
        self.update = OptimisticUpdate(self.repository)
        self.task_ids = UuidTaskIds()
        self.ids: list[str] = []
        self.runs: list[Task] = []
        self.changes: list[Change] = []
        self.claims: dict[str, int] = {}
        self.holder: dict[str, int] = {}
        """Task id to the claim that may run it."""

    def teardown(self) -> None:
        self.client.close()

    @initialize()
    def start(self) -> None:
        self.submit(priority=5, attempts=1)

    @rule(priority=st.integers(4, 6), attempts=st.integers(1, 2))
    def submit(self, priority: int, attempts: int) -> None:
        retry = RetryPolicy(max_attempts=attempts, initial_delay=3_600)
        spec = TaskSpec(task_name="t", duration=1, timeout=3_600, priority=priority, retry=retry)
        task = Task.submit(self.task_ids.next(), spec, self.clock.now())
        self.changes.append(Change(before=None, after=task))
        self.repository.save(self.changes[-1])
        self.ids.append(task.task_id)

    @rule(owner=OWNERS, again=st.booleans())
    def claim(self, owner: str, again: bool) -> None:
        """Make a new claim, or repeat the last one, as after a lost reply."""
        number = self.claims.get(owner, 1) + (not again)
        self.claims[owner] = number
        try:
            run = self.leases.claim(QUEUE, owner=owner, claim_id=str(number))
        except RunStillHeld as error:
            self._stop(error.run)
            return
        if run is None:
            return
        known = self.holder.get(run.task_id)
        assert known in (None, run.fencing_token), "two holders"
        assert known is None or again, "given twice without being asked for"
        assert run.owner == owner
        self.holder[run.task_id] = run.fencing_token
        if known is None:
            assert all(run.fencing_token > other.fencing_token for other in self.runs), (
                "a fencing token that is not new"
            )
            self.runs.append(run)

    @rule(which=ANY)
    def renew(self, which: int) -> None:
        """Renew any claim, also one that is over."""
        if self.runs:
            run = self._some_run(which)
            assert self.leases.renew(run) == (self.holder.get(run.task_id) == run.fencing_token)

    @rule(which=ANY, fails=st.booleans())
    def finish(self, which: int, fails: bool) -> None:
        """Report for any claim. One that is over changes nothing."""
        if self.runs:
            self._finish(self._some_run(which), fails=fails)

    @rule(recovered=st.booleans())
    def time_passes(self, recovered: bool) -> None:
        """Let every lease run out and every retry be due. Maintenance runs at once, or later."""
        for key in ("tm:leases", "tm:scheduled"):
            for member in self.client.zrange(key, 0, -1):
                self.client.zadd(key, {member: PAST}, xx=True)
        if recovered:
            self.recover()

    @rule(owner=OWNERS)
    def be_taken_over(self, owner: str) -> None:
        """Recover and claim again what was running. Then its first workers come back."""
        before = [run for run in self.runs if self.holder.get(run.task_id) == run.fencing_token]
        self.time_passes(recovered=True)
        self.claim(owner, again=False)
        for run in before:
            assert not self.leases.renew(run), "a lease that was lost was renewed"
            self._finish(run, fails=False)

    @rule()
    def recover(self) -> None:
        for task in (
            RecoverTasks(self.repository, self.leases, self.clock, Untraced()).execute().tasks
        ):
            assert self.holder.pop(task.task_id) == task.fencing_token

    @rule()
    def promote(self) -> None:
        PromoteTasks(self.repository, self.clock).execute()

    @rule(owner=OWNERS, crashed=st.booleans())
    def release(self, owner: str, crashed: bool) -> None:
        release_runs = ReleaseRuns(self.leases, self.update, self.clock, Untraced())
        held = self.leases.held_by([owner])
        causes = {owner: "It died."}
        released = release_runs.crashed(causes) if crashed else release_runs.cut_off([owner])
        assert {task.task_id for task in held} <= {task.task_id for task in released}
        for task in held:
            assert self.holder.pop(task.task_id) == task.fencing_token

    @rule(which=ANY)
    def cancel(self, which: int) -> None:
        self._ask(which, CancelTask(self.update, self.clock).execute)

    @rule(which=ANY, priority=st.integers(4, 6))
    def patch(self, which: int, priority: int) -> None:
        self._ask(
            which,
            lambda task_id: UpdateTask(self.update, ADMISSION).execute(
                task_id, TaskPatch({"priority": priority})
            ),
        )

    @rule(which=ANY, label=st.sampled_from("ab"))
    def label(self, which: int, label: str) -> None:
        patch = TaskPatch({"labels": {"label": label}})
        self._ask(
            which,
            lambda task_id: UpdateTask(self.update, ADMISSION).execute(task_id, patch),
        )

    @rule(which=ANY)
    def delete(self, which: int) -> None:
        self._ask(which, DeleteTask(self.repository, self.update, self.clock).execute)

    @rule(which=ANY)
    def delete_though_it_runs(self, which: int) -> None:
        delete = DeleteTask(self.repository, self.update, self.clock)
        self._ask(which, lambda task_id: delete.execute(task_id, cancel=True))

    @rule(which=ANY)
    def retry(self, which: int) -> None:
        self._ask(which, RetryTask(self.update, self.clock).execute)

    @rule()
    def prune(self) -> None:
        """Remove discarded tasks. None is old enough for retention."""
        PruneTasks(self.repository, timedelta(days=1)).execute()

    @rule(which=ANY)
    def replay_a_save(self, which: int) -> None:
        change = self.changes[which % len(self.changes)]
        if self.repository.get(change.after.task_id) is None:
            return
        try:
            self.repository.save(change)
        except StaleTask:
            return
        raise AssertionError("a save was made twice")

    @rule()
    def lose_all_wake_ups(self) -> None:
        self.client.delete("task-manager.work.default")
        self.queue.top_up_all()

    @invariant()
    def every_task_is_in_the_indexes_of_its_state(self) -> None:
        ids = self.client.zrange("tm:tasks", 0, -1)
        tasks = {task.task_id: task for task in self.repository.records.whole(ids)}
        check_indexes(self.client, tasks)
        running = {task.task_id: task.fencing_token for task in tasks.values() if task.owner}
        assert running == self.holder

    def _ask(self, which: int, use_case: Callable[[str], object]) -> None:
        if not self.ids:
            return
        try:
            use_case(self.ids[which % len(self.ids)])
        except (TaskNotFound, TransitionRefused):
            return

    def _finish(self, run: Task, *, fails: bool) -> None:
        now = self.clock.now()
        before = self.repository.get(run.task_id)
        self._end(
            run,
            lambda task: (
                task.fail(FAILURE, now) if fails else task.complete(run.fencing_token, now)
            ),
        )
        after = self.repository.get(run.task_id)
        if before and before.fencing_token != run.fencing_token:
            assert after == before, "a result of an old claim was kept"

    def _some_run(self, which: int) -> Task:
        """Return any earlier claim, more often a late one."""
        return self.runs[-1 - which % min(len(self.runs), 4)]

    def _stop(self, run: Task) -> None:
        assert self.holder[run.task_id] == run.fencing_token
        self._end(run, lambda task: task.stop(self.clock.now()))

    def _end(self, run: Task, transition: Callable[[Task], Task]) -> None:
        """End a run as RunTasks does."""
        try:
            final = self.update.apply(
                run.task_id,
                lambda task: transition(task) if task.is_run_of(run.fencing_token) else task,
                known=run,
            )
        except TaskNotFound:
            return
        if (
            final.fencing_token == run.fencing_token
            and self.holder.get(run.task_id) == run.fencing_token
        ):
            assert final.status is not Status.PROCESSING
            del self.holder[run.task_id]


def test_any_order_of_calls_keeps_one_holder_and_the_indexes(redis_url: str) -> None:
    run_state_machine_as_test(
        lambda: TaskStore(redis_url),
        settings=settings(
            max_examples=40,
            stateful_step_count=40,
            deadline=None,
            database=None,
            phases=[Phase.generate, Phase.shrink],
            suppress_health_check=[HealthCheck.too_slow],
        ),
    )
