"""What doctor says about processes, queues, types and callbacks, from facts alone."""

import pytest

from application.finding import Finding, Level, failure, ok, skipped, warning, worst
from application.ports.delivery_log import LoggedDelivery
from application.ports.heartbeats import Heartbeat
from application.ports.queues import QueueState
from application.service_checks import (
    MAX_FINDINGS,
    judge_callbacks,
    judge_maintenance,
    judge_queues,
    judge_types,
    judge_workers,
)
from application.use_cases.operations.diagnose import findings_of
from domain.events import Event
from domain.webhook import Delivery, DeliveryAttempt
from tests.building import LATER, NOON
from tests.contracts.heartbeats import a_process


def alive(*queues: str) -> Heartbeat:
    return Heartbeat(process=a_process(queues=queues, concurrency=4), at=NOON)


def waiting(name: str, depth: int = 3, *, paused: bool = False) -> QueueState:
    return QueueState(
        name=name,
        depth=depth,
        processing=0,
        scheduled=0,
        oldest_waiting_since=None,
        paused=paused,
    )


def attempt(host: str, status: int = 503) -> LoggedDelivery:
    result = DeliveryAttempt(
        at=NOON, status=status, error=None, next_at=None if status == 200 else LATER
    )
    delivery = Delivery(number=1, message_id="m", event=Event.COMPLETED, attempt=result)
    return LoggedDelivery(task_id="t", host=host, delivery=delivery)


def shown(findings: list[Finding]) -> list[tuple[Level, str]]:
    return [(finding.level, f"{finding.message} {finding.advice}") for finding in findings]


def test_the_absence_of_workers_and_of_maintenance_is_a_failure_that_says_what_to_start() -> None:
    for judge, command in ((judge_workers, "worker"), (judge_maintenance, "maintenance")):
        found = judge([])

        assert found.level is Level.FAILURE
        assert f"task-manager {command}" in found.advice
        assert judge([alive("default")]).level is Level.OK


def test_a_queue_that_no_worker_serves_and_one_that_is_paused_are_named_with_their_tasks() -> None:
    states = [waiting("a"), waiting("mail"), waiting("default", paused=True), waiting("empty", 0)]

    found = shown(list(judge_queues(states, [alive("a", "default")])))

    (level, mail), (paused_level, paused) = found
    assert (level, paused_level) == (Level.FAILURE, Level.WARNING)
    assert "3 tasks wait in the queue mail" in mail
    assert "TASKS_QUEUES=mail task-manager worker" in mail
    assert "queues resume default" in paused


def test_many_queues_without_a_worker_are_counted() -> None:
    found = list(judge_queues([waiting(f"q{number}") for number in range(30)], []))

    assert len(found) == MAX_FINDINGS + 1
    assert "20 more queues" in found[-1].message


def test_waiting_tasks_of_served_queues_are_well() -> None:
    [found] = judge_queues([waiting("a", 1_234)], [alive("a")])

    assert (found.level, found.message[:5]) == (Level.OK, "1,234")


def test_a_type_that_no_handler_has_is_named_with_its_tasks() -> None:
    [found] = judge_types({"ghost": 2})

    assert found.level is Level.FAILURE
    assert "2 tasks of the type 'ghost'" in found.message
    assert "TASKS_HANDLERS" in found.advice
    assert [each.level for each in judge_types({})] == [Level.OK]
    assert len(list(judge_types({f"t{number}": 1 for number in range(30)}))) == MAX_FINDINGS + 1


def test_a_receiver_that_fails_is_named_with_its_last_response() -> None:
    latest = [attempt("down"), attempt("down"), attempt("up", 200), attempt("up")]

    [found] = judge_callbacks(7, latest)

    assert found.level is Level.WARNING
    assert "2 of the latest 2 callbacks to down failed" in found.message
    assert "status 503" in found.message


def test_a_receiver_that_fails_now_and_then_is_well() -> None:
    [found] = judge_callbacks(7, [attempt("up", 200), attempt("up")])

    assert (found.level, found.message[:1]) == (Level.OK, "7")


def test_a_check_that_raises_is_a_finding() -> None:
    def broken() -> Finding:
        raise ZeroDivisionError("no")

    [found] = findings_of("memory", broken)

    assert (found.check, found.level) == ("memory", Level.FAILURE)
    assert "ZeroDivisionError: no" in found.message


@pytest.mark.parametrize(
    ("levels", "verdict"),
    [
        ([], Level.OK),
        ([ok("a", ""), skipped("b", "")], Level.OK),
        ([ok("a", ""), warning("b", "", "")], Level.WARNING),
        ([failure("a", "", ""), warning("b", "", "")], Level.FAILURE),
    ],
)
def test_the_verdict_is_the_worst_finding(levels: list[Finding], verdict: Level) -> None:
    assert worst(levels) is verdict
