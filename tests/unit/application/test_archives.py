"""Exporting and importing tasks, on a store in memory."""

import json
from collections import Counter
from collections.abc import Iterable
from datetime import timedelta

import pytest

from application.archive_lines import PausedQueue, RequestLine, TaskLine, parse
from application.errors import StoreUnavailable
from application.ports.task_archive import UnreadableTask
from application.ports.task_repository import IdempotencyRecord
from application.secret_members import MASK
from application.use_cases.operations import export_tasks, import_tasks
from application.use_cases.operations.export_tasks import PAGE, ExportTasks
from application.use_cases.operations.import_tasks import ImportedLine, ImportTasks, Result
from domain.status import Status
from tests.building import a_spec, a_task
from tests.contracts.schedules import LIMIT, a_schedule
from tests.fakes.clock import FakeClock
from tests.fakes.queues import FakeQueues
from tests.fakes.schedules import FakeSchedules
from tests.fakes.task_archive import FakeTaskArchive
from tests.fakes.task_store import FakeTaskStore
from tests.storing import claim, save, submit


@pytest.fixture
def schedules(store: FakeTaskStore, clock: FakeClock) -> FakeSchedules:
    return FakeSchedules(store, clock, LIMIT)


@pytest.fixture
def exporting(store: FakeTaskStore, clock: FakeClock, schedules: FakeSchedules) -> ExportTasks:
    return ExportTasks(store, FakeTaskArchive(store), FakeQueues(store), schedules, clock)


@pytest.fixture
def importing(store: FakeTaskStore, clock: FakeClock, schedules: FakeSchedules) -> ImportTasks:
    return ImportTasks(FakeTaskArchive(store), FakeQueues(store), schedules, clock)


def written(exporting: ExportTasks, clock: FakeClock) -> list[bytes]:
    """Return the lines. Tasks of the present millisecond are not among them."""
    clock.advance(timedelta(milliseconds=1))
    return [str(line).encode() for line in exporting.execute()]


def results(found: Iterable[ImportedLine]) -> dict[Result, int]:
    return dict(Counter(line.result for line in found))


def test_an_archive_has_paused_queues_then_tasks_then_requests_then_an_end(
    store: FakeTaskStore, exporting: ExportTasks, clock: FakeClock
) -> None:
    tasks = [submit(store), save(store, Status.FAILED)]
    keyed = a_task()
    store.add([keyed], IdempotencyRecord(key="once", request_hash=b"h" * 32))
    store.paused.add("default")
    submit(store, queue="mail")

    lines = [parse(line) for line in written(exporting, clock)]

    assert lines[0] == PausedQueue("default")
    ids = [line.task_id for line in lines if isinstance(line, TaskLine)]
    assert set(ids) >= {task.task_id for task in (*tasks, keyed)}
    assert [type(line) for line in lines[1:-1]] == [TaskLine] * 4 + [RequestLine]
    assert json.loads(written(exporting, clock)[-1]) == {"kind": "end", "tasks": 4}


def test_tasks_of_several_pages_are_all_there(
    store: FakeTaskStore, exporting: ExportTasks, clock: FakeClock
) -> None:
    store.add([a_task() for _ in range(PAGE + 1)])

    assert len(written(exporting, clock)) == PAGE + 2


def test_tasks_that_are_submitted_meanwhile_make_no_export_endless(
    store: FakeTaskStore,
    exporting: ExportTasks,
    clock: FakeClock,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(export_tasks, "PAGE", 1)
    tasks = [submit(store) for _ in range(2)]
    clock.advance(timedelta(milliseconds=1))
    lines = map(str, exporting.execute())
    first = next(lines)
    submit(store)

    second, end = lines

    ids = [json.loads(line)["task_id"] for line in (first, second)]
    assert set(ids) == {task.task_id for task in tasks}
    assert end == '{"kind":"end","tasks":2}'


def test_a_task_that_cannot_be_read_is_told_apart(
    store: FakeTaskStore, exporting: ExportTasks, clock: FakeClock
) -> None:
    task = submit(store)
    store.damaged.add(task.task_id)
    clock.advance(timedelta(milliseconds=1))

    assert list(exporting.execute()) == [
        UnreadableTask(task.task_id, "it is damaged"),
        '{"kind":"end","tasks":0}',
    ]


def test_lines_are_imported_once(
    store: FakeTaskStore, exporting: ExportTasks, importing: ImportTasks, clock: FakeClock
) -> None:
    store.paused.add("default")
    store.add([a_task()], IdempotencyRecord(key="once", request_hash=b"h" * 32))
    lines = list(enumerate(written(exporting, clock), 1))
    store.forget_everything()

    first, second = (results(importing.execute(lines)) for _ in range(2))

    assert first == {Result.QUEUE: 1, Result.REQUEST: 1, Result.END: 1, Result.ADDED: 1}
    assert second == {Result.QUEUE: 1, Result.REQUEST_EXISTS: 1, Result.END: 1, Result.EXISTS: 1}
    assert store.paused == {"default"}


def test_schedules_are_moved_with_their_secrets_and_their_next_slot(
    exporting: ExportTasks, importing: ImportTasks, clock: FakeClock, schedules: FakeSchedules
) -> None:
    secret = a_spec(payload={"password": MASK}).with_payload(
        {"password": MASK}, {"m": {"password": {"v": "hunter2"}}}
    )
    moved = [a_schedule("nightly", task=secret), a_schedule("weekly", cron="0 0 * * 0")]
    for schedule in moved:
        schedules.add(schedule)
    lines = list(enumerate(written(exporting, clock), 1))
    for schedule in moved:
        schedules.remove(schedule)

    first = results(importing.execute(lines))

    assert first == {Result.SCHEDULE: 2, Result.END: 1}
    assert list(schedules.each()) == moved
    assert results(importing.execute(lines)) == {Result.SCHEDULE_EXISTS: 2, Result.END: 1}


def test_schedules_that_cannot_be_stored_are_left_out_for_a_reason(
    exporting: ExportTasks, importing: ImportTasks, clock: FakeClock, schedules: FakeSchedules
) -> None:
    schedules.add(moved := a_schedule("moved"))
    [line, end] = written(exporting, clock)
    schedules.remove(moved)
    for number in range(LIMIT):
        schedules.add(a_schedule(f"other-{number}"))
    damaged = [line.replace(b"moved", b"No Name"), line.replace(b'"saves":1', b'"saves":"x"')]

    found = list(importing.execute(enumerate([line, *damaged, end], 1)))

    kinds = [each.result for each in found]
    assert kinds == [Result.TOO_MANY_SCHEDULES, Result.DAMAGED, Result.DAMAGED, Result.END]
    assert all(each.reason for each in found[:3])


@pytest.mark.parametrize("requeue", [False, True])
def test_a_running_task_is_added_only_where_its_worker_is_said_to_be_dead(
    store: FakeTaskStore,
    exporting: ExportTasks,
    importing: ImportTasks,
    clock: FakeClock,
    requeue: bool,
) -> None:
    submit(store)
    run = claim(store)
    lines = list(enumerate(written(exporting, clock), 1))
    store.forget_everything()
    clock.advance(timedelta(days=1))

    found = results(importing.execute(lines, requeue_running=requeue))

    assert found == {Result.ADDED if requeue else Result.RUNNING: 1, Result.END: 1}
    after = store.get(run.task_id)
    assert (after and (after.status, after.attempt)) == ((Status.QUEUED, 0) if requeue else None)


def test_a_large_archive_is_taken_in_groups(
    store: FakeTaskStore,
    exporting: ExportTasks,
    importing: ImportTasks,
    clock: FakeClock,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    store.add([a_task() for _ in range(10)])
    lines = written(exporting, clock)
    store.forget_everything()
    monkeypatch.setattr(import_tasks, "MAX_BYTES", 2 * len(lines[0]))
    taken: list[int] = []

    def reading() -> Iterable[tuple[int, bytes]]:
        for number, line in enumerate(lines, 1):
            taken.append(number)
            yield number, line

    found = importing.execute(reading())

    assert next(iter(found)).result is Result.ADDED
    assert len(taken) < 5


def test_a_store_that_goes_away_ends_the_import_and_the_repetition_goes_on(
    store: FakeTaskStore, exporting: ExportTasks, importing: ImportTasks, clock: FakeClock
) -> None:
    submit(store)
    lines = list(enumerate(written(exporting, clock), 1))
    store.forget_everything()
    store.away = True

    with pytest.raises(StoreUnavailable):
        list(importing.execute(lines))
    store.away = False

    assert results(importing.execute(lines)) == {Result.ADDED: 1, Result.END: 1}


@pytest.mark.parametrize(
    ("full", "max_queues", "result"),
    [(True, 9, Result.FULL), (False, 0, Result.TOO_MANY_QUEUES)],
)
def test_what_the_store_refuses_is_left_out_with_the_reason(
    store: FakeTaskStore,
    exporting: ExportTasks,
    importing: ImportTasks,
    clock: FakeClock,
    full: bool,
    max_queues: int,
    result: Result,
) -> None:
    submit(store)
    lines = list(enumerate(written(exporting, clock), 1))
    store.forget_everything()
    store.full, store.max_queues = full, max_queues

    [end, left_out] = sorted(importing.execute(lines), key=lambda line: line.task_id)

    assert (end.result, end.tasks) == (Result.END, 1)
    assert (left_out.result, left_out.number) == (result, 1)
    assert "then import again" in left_out.reason
