"""The adapters and the fakes of the ports of one run fulfil the same contracts.

All are of this process.
"""

import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from datetime import timedelta

import pytest

from adapters.handlers.run_context import BufferedRunContextFactory
from adapters.supervision.interrupt import STOP_SIGNAL, SignalRunInterrupt
from adapters.supervision.lease_timer import LeaseTimer
from adapters.supervision.task_process import TaskProcess
from application.ports.run import RunContext
from application.ports.task_repository import Change
from tests.building import a_task
from tests.contracts.lease_keeper import LeaseKeeperContract
from tests.contracts.run_context import RunContextContract
from tests.contracts.run_interrupt import RunInterruptContract
from tests.fakes.clock import FakeClock
from tests.fakes.lease_keeper import FakeLeaseKeeper
from tests.fakes.run_context import FakeRunContext
from tests.fakes.run_interrupt import FakeRunInterrupt
from tests.fakes.task_store import FakeTaskStore

Reports = Callable[[], tuple[tuple[float, str], Sequence[str]]]


class TestFakeRunInterrupt(RunInterruptContract):
    @pytest.fixture
    def interrupt(self) -> FakeRunInterrupt:
        return FakeRunInterrupt()

    @pytest.fixture
    def request_stop(self, interrupt: FakeRunInterrupt) -> Callable[[], None]:
        return interrupt.request


class TestSignalRunInterrupt(RunInterruptContract):
    @pytest.fixture
    def interrupt(self) -> Iterator[SignalRunInterrupt]:
        before = signal.getsignal(STOP_SIGNAL)
        yield SignalRunInterrupt()
        signal.signal(STOP_SIGNAL, before)

    @pytest.fixture
    def request_stop(self) -> Callable[[], None]:
        return lambda: signal.raise_signal(STOP_SIGNAL)


class TestFakeRunContext(RunContextContract):
    @pytest.fixture
    def context(self) -> FakeRunContext:
        return FakeRunContext()

    @pytest.fixture
    def request_stop(self, context: FakeRunContext) -> Callable[[], None]:
        return context.request_stop

    @pytest.fixture
    def reports(self, context: FakeRunContext) -> Reports:
        return lambda: (context.reports[-1], context.lines)


class TestBufferedRunContext(RunContextContract):
    @pytest.fixture
    def store(self) -> FakeTaskStore:
        return FakeTaskStore(FakeClock())

    @pytest.fixture
    def interrupt(self) -> FakeRunInterrupt:
        return FakeRunInterrupt()

    @pytest.fixture
    def context(self, store: FakeTaskStore, interrupt: FakeRunInterrupt) -> Iterator[RunContext]:
        store.save(Change(before=None, after=a_task()))
        run = store.claim("default", owner="a:1", claim_id="1")
        assert run is not None
        factory = BufferedRunContextFactory(store, interrupt, TaskProcess())
        with factory.open(run) as context, interrupt.allowed():
            yield context

    @pytest.fixture
    def request_stop(self, interrupt: FakeRunInterrupt) -> Callable[[], None]:
        return interrupt.request

    @pytest.fixture
    def reports(self, context: RunContext, store: FakeTaskStore) -> Reports:
        def stored() -> tuple[tuple[float, str], Sequence[str]]:
            context.__exit__(None, None, None)  # type: ignore[attr-defined]  # the end of the run flushes
            [task] = store.tasks()
            lines = [line.message for line in store.lines(task.task_id)]
            return (task.progress.fraction, task.progress.message), lines

        return stored


class TestFakeLeaseKeeper(LeaseKeeperContract):
    @pytest.fixture
    def keeper(self) -> FakeLeaseKeeper:
        return FakeLeaseKeeper()

    @pytest.fixture
    def is_armed(self, keeper: FakeLeaseKeeper) -> Callable[[], bool]:
        return lambda: keeper.is_armed


class TestLeaseTimer(LeaseKeeperContract):
    @pytest.fixture
    def keeper(self) -> Iterator[LeaseTimer]:
        """A lease so long that its timer ends no test; pytest-timeout's own timer and handler
        come back."""
        handler, timer = signal.getsignal(signal.SIGALRM), signal.setitimer(signal.ITIMER_REAL, 0)
        yield LeaseTimer(FakeTaskStore(FakeClock()), timedelta(hours=1), TaskProcess())
        signal.signal(signal.SIGALRM, handler)
        signal.setitimer(signal.ITIMER_REAL, *timer)

    @pytest.fixture
    def is_armed(self) -> Callable[[], bool]:
        return lambda: signal.getitimer(signal.ITIMER_REAL)[0] > 0

    def test_a_process_without_room_for_a_thread_claims_nothing(
        self,
        keeper: LeaseTimer,
        is_armed: Callable[[], bool],
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        """A run that it could not renew would end as a crash of the task."""

        def refuse(_: threading.Thread) -> None:
            raise RuntimeError("can't start new thread")

        monkeypatch.setattr(threading.Thread, "start", refuse)

        with pytest.raises(RuntimeError):
            keeper.arm()

        assert not is_armed()
