import threading

import pytest

from adapters.handlers.run_context import BufferedRunContext, BufferedRunContextFactory
from adapters.supervision.task_process import TaskProcess
from application.ports.run import MAX_LOG_BYTES
from application.ports.task_repository import Change
from domain.task import Task
from domain.task_state import Progress
from tests.building import a_task
from tests.fakes.clock import FakeClock
from tests.fakes.run_interrupt import FakeRunInterrupt
from tests.fakes.task_store import FakeTaskStore


@pytest.fixture
def store() -> FakeTaskStore:
    return FakeTaskStore(FakeClock())


@pytest.fixture
def run(store: FakeTaskStore) -> Task:
    store.save(Change(before=None, after=a_task()))
    run = store.claim("default", owner="a:1", claim_id="1")
    assert run is not None
    return run


@pytest.fixture
def context(store: FakeTaskStore, run: Task) -> BufferedRunContext:
    return BufferedRunContext(run, store, FakeRunInterrupt(), TaskProcess())


def test_without_room_for_a_thread_a_run_stores_its_reports_at_its_end(
    store: FakeTaskStore, run: Task, monkeypatch: pytest.MonkeyPatch
) -> None:
    started: list[threading.Thread] = []

    def refuse_once(thread: threading.Thread) -> None:
        started.append(thread)
        if len(started) == 1:
            raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", refuse_once)
    contexts = BufferedRunContextFactory(store, FakeRunInterrupt(), TaskProcess())

    with contexts.open(run) as context:
        context.log("a line")
    for _ in range(2):
        with contexts.open(run):
            pass

    assert lines(store, run) == ["a line"]
    assert len(started) == 2


def lines(store: FakeTaskStore, run: Task) -> list[str]:
    return [line.message for line in store.lines(run.task_id)]


def test_a_flush_passes_on_the_latest_progress_and_the_last_lines(store, run, context):
    for number in range(1_500):
        context.log(f"line {number}")
        context.progress(number / 1_500, f"{number}")

    context.flush()

    assert lines(store, run) == [f"line {number}" for number in range(500, 1_500)]
    [progress] = [task.progress for _, task in store.events if task.progress]
    assert progress == Progress(fraction=1_499 / 1_500, message="1499")


def test_log_lines_between_two_flushes_take_bounded_memory(store, run, context):
    for number in range(1_000):
        context.log(f"{number:03} " + "🥁" * 1_996)
    held = sum(map(len, context._lines))
    context.flush()

    assert held <= MAX_LOG_BYTES
    kept = lines(store, run)
    assert [line[:3] for line in kept] == [
        f"{number:03}" for number in range(1_000 - len(kept), 1_000)
    ]
    assert len(kept) > 100


def test_short_lines_beyond_the_count_leave_room_for_as_many_bytes(store, run, context):
    for number in range(200_000):
        context.log(f"line {number}")
    context.flush()

    assert lines(store, run) == [f"line {number}" for number in range(199_000, 200_000)]


def test_reports_are_dropped_while_the_store_is_unavailable(store, run, context):
    context.log("heard")
    context.flush()
    store.away = True
    context.log("unheard")
    context.flush()
    store.away = False
    context.log("heard again")
    context.flush()

    assert lines(store, run) == ["heard", "heard again"]


@pytest.mark.parametrize(("said", "kept"), [(-1, 0.0), (2, 1.0), (float("nan"), 0.0), (0.25, 0.25)])
def test_progress_is_between_none_and_all(store, run, context, said, kept):
    context.progress(said)
    context.flush()

    assert store.get(run.task_id).progress.fraction == kept


def test_a_long_line_is_cut_and_says_how_much_was_omitted(store, run, context):
    context.log("x" * 10_000)
    context.log("\udfff")
    context.flush()

    assert lines(store, run) == ["x" * 2_000 + "… (8000 characters more)", "?"]


def test_a_log_that_cannot_be_written_costs_the_reports_alone(store, run, context, monkeypatch):
    def refuse(*_, **__):
        raise ValueError("WRONGTYPE")

    monkeypatch.setattr(store, "append", refuse)
    with context:
        context.log("lost")

    monkeypatch.undo()
    assert lines(store, run) == []
