"""What doctor says about the store, from facts alone."""

from dataclasses import replace
from datetime import timedelta

import pytest

from application.finding import Finding, Level
from application.ports.store_inspection import ConnectionFault, ScriptFault, ServerFacts
from application.ports.store_probe import StoreCapacity, StoreSettings
from application.store_checks import (
    CONNECTION_ADVICE,
    SCRIPT_ADVICE,
    judge_clock,
    judge_connection,
    judge_disk,
    judge_eviction,
    judge_layout,
    judge_memory,
    judge_persistence,
    judge_role,
    judge_scripts,
    judge_version,
)
from application.store_layout import PRESENT_LAYOUT, Layout

SERVER = ServerFacts(product="Redis", version=(8, 0, 2), is_replica=False, has_write_error=False)
SAFE = StoreSettings(eviction_policy="noeviction", is_persistent=True)
MEBIBYTE = 2**20


def levels(*findings: Finding) -> list[str]:
    return [finding.level.value for finding in findings]


def test_a_good_store_gets_no_advice() -> None:
    found = [
        judge_connection("redis://host/0", None, ""),
        judge_version(SERVER),
        judge_role(SERVER),
        judge_scripts(None, ""),
        judge_layout(PRESENT_LAYOUT),
        judge_clock(timedelta(seconds=-1.9)),
        judge_eviction(SAFE),
        judge_persistence(SAFE),
        judge_disk(SERVER, StoreCapacity(used_memory=1, max_memory=0)),
        judge_memory(StoreCapacity(used_memory=1, max_memory=0)),
    ]

    assert levels(*found) == ["ok"] * len(found)
    assert not any(finding.advice for finding in found)


@pytest.mark.parametrize("fault", ConnectionFault)
def test_each_reason_why_redis_cannot_be_used_has_an_advice(fault: ConnectionFault) -> None:
    found = judge_connection("redis://host/0", fault, "refused")

    assert (found.level, found.advice) == (Level.FAILURE, CONNECTION_ADVICE[fault])
    assert "redis://host/0: refused" in found.message


@pytest.mark.parametrize("fault", ScriptFault)
def test_each_reason_why_scripts_do_not_run_has_an_advice(fault: ScriptFault) -> None:
    found = judge_scripts(fault, "no")

    assert (found.level, found.advice) == (Level.FAILURE, SCRIPT_ADVICE[fault])


@pytest.mark.parametrize(
    ("version", "level"),
    [((6, 2, 14), "failure"), ((7, 0, 9), "failure"), ((7, 2, 0), "ok"), ((10, 1, 0), "ok")],
)
def test_an_old_server_is_named_with_the_version_that_is_needed(
    version: tuple[int, ...], level: str
) -> None:
    found = judge_version(replace(SERVER, version=version))

    assert found.level == level
    assert ".".join(map(str, version)) in found.message


def test_a_replica_is_a_failure() -> None:
    assert judge_role(replace(SERVER, is_replica=True)).level is Level.FAILURE


@pytest.mark.parametrize(
    ("stored", "level"),
    [
        (None, "warning"),
        (Layout(number=PRESENT_LAYOUT.number - 1, readers=0), "warning"),
        (Layout(number=PRESENT_LAYOUT.number + 1, readers=PRESENT_LAYOUT.number), "warning"),
        (Layout(number=9, readers=PRESENT_LAYOUT.number + 1), "failure"),
    ],
)
def test_a_layout_of_another_release_is_named(stored: Layout | None, level: str) -> None:
    found = judge_layout(stored)

    assert found.level == level
    assert found.advice


@pytest.mark.parametrize(
    ("seconds", "level", "side"),
    [(2, "warning", "ahead"), (-59, "warning", "behind"), (60, "failure", "ahead")],
)
def test_a_clock_that_is_off_is_named_with_its_difference(
    seconds: int, level: str, side: str
) -> None:
    found = judge_clock(timedelta(seconds=seconds))

    assert found.level == level
    assert f"{abs(seconds)}.0 s {side}" in found.message


def test_settings_that_lose_tasks_are_failures_with_the_value_and_the_cure() -> None:
    unsafe = StoreSettings(eviction_policy="allkeys-lru", is_persistent=False)

    eviction, persistence = judge_eviction(unsafe), judge_persistence(unsafe)

    assert levels(eviction, persistence) == ["failure"] * 2
    assert "allkeys-lru" in eviction.message
    assert "noeviction" in eviction.advice
    assert "appendonly is no" in persistence.message
    assert "Set it to yes" in persistence.advice


@pytest.mark.parametrize(
    ("share", "level"), [(0.79, "ok"), (0.8, "warning"), (0.849, "warning"), (0.85, "failure")]
)
def test_memory_is_a_warning_from_80_and_a_failure_from_85_percent_on(
    share: float, level: str
) -> None:
    capacity = StoreCapacity(used_memory=int(share * 1_000 * MEBIBYTE), max_memory=1_000 * MEBIBYTE)

    assert judge_memory(capacity).level == level


@pytest.mark.parametrize(
    ("has_write_error", "free_mib", "level"),
    [(True, None, "failure"), (False, None, "ok"), (False, 63, "failure"), (False, 65, "ok")],
)
def test_a_full_disk_and_failed_writes_are_failures(
    has_write_error: bool, free_mib: int | None, level: str
) -> None:
    capacity = StoreCapacity(
        used_memory=1,
        max_memory=0,
        free_disk=free_mib and free_mib * MEBIBYTE,
        disk_size=100_000 * MEBIBYTE,
    )

    assert judge_disk(replace(SERVER, has_write_error=has_write_error), capacity).level == level
