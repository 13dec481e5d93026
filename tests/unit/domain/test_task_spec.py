from datetime import datetime, timedelta

import pytest

from domain.errors import InvalidTaskSpec
from domain.retry_policy import RetryPolicy
from domain.task_spec import TaskPatch
from tests.building import NOON, a_spec


@pytest.mark.parametrize(
    ("member", "value"),
    [
        ("task_name", ""),
        ("task_name", " \u3000"),
        ("task_name", "x" * 201),
        ("type", " "),
        ("labels", {"a": "  "}),
        ("task_name", "a\tb"),
        ("task_name", "\udfff"),
        ("priority", -1),
        ("priority", 10),
        ("queue", "Default"),
        ("queue", "-a"),
        ("queue", "a" * 64),
        ("timeout", 0),
        ("timeout", 86_401),
        ("run_at", datetime(2026, 1, 1)),
        ("labels", {"BAD KEY": "x"}),
        ("labels", {"a\n": "x"}),
        ("labels", {"a": "x" * 256}),
        ("labels", {"a": "\x00"}),
        ("labels", {str(number): "" for number in range(17)}),
    ],
)
def test_a_member_outside_its_range_is_refused_by_its_name(member: str, value: object) -> None:
    with pytest.raises(InvalidTaskSpec) as refusal:
        a_spec(**{member: value})

    assert refusal.value.violations[0][0] == member


@pytest.mark.parametrize(
    ("member", "value"),
    [
        ("task_name", "x" * 200),
        ("priority", 0),
        ("priority", 9),
        ("queue", "a" * 63),
        ("duration", 86_400),
        ("timeout", 1),
        ("timeout", 86_400),
        ("labels", {"k" * 63: "x" * 255}),
        ("labels", {str(number): "" for number in range(16)}),
        ("callback_url", "https://example.com/".ljust(2_048, "x")),
    ],
)
def test_a_member_at_the_end_of_its_range_is_accepted(member: str, value: object) -> None:
    assert getattr(a_spec(**{member: value}), member) == value


def test_the_labels_cannot_be_changed_from_outside() -> None:
    labels = {"a": "b"}
    spec = a_spec(labels=labels)
    labels["a"] = "c"

    assert dict(spec.labels) == {"a": "b"}


def test_a_patch_changes_what_it_names_and_merges_labels() -> None:
    spec = a_spec(priority=9, labels={"a": "1", "b": "2"})

    patched = TaskPatch({"duration": 7, "labels": {"b": None, "c": "3"}}).apply_to(spec)

    assert patched == a_spec(duration=7, priority=9, labels={"a": "1", "c": "3"})


def test_null_returns_a_member_to_its_default() -> None:
    spec = a_spec(priority=9, labels={"a": "1"})

    assert TaskPatch({"priority": None, "labels": None}).apply_to(spec) == a_spec()


def test_a_required_member_cannot_be_removed() -> None:
    with pytest.raises(InvalidTaskSpec, match="required"):
        TaskPatch({"task_name": None}).apply_to(a_spec())


def test_a_task_that_would_expire_before_it_runs_is_refused() -> None:
    with pytest.raises(InvalidTaskSpec, match="later than run_at"):
        a_spec(run_at=NOON, expires_at=NOON)


def test_a_timeout_of_the_task_replaces_the_default_of_its_type() -> None:
    assert a_spec().with_default_timeout(70).effective_timeout == 70
    assert a_spec(timeout=5).with_default_timeout(70).effective_timeout == 5
    assert a_spec().effective_timeout == 3_600


def test_the_default_timeout_is_no_part_of_what_the_caller_asks_for() -> None:
    assert a_spec().with_default_timeout(70) == a_spec()


def test_a_patch_merges_the_retry_policy() -> None:
    spec = a_spec(retry=RetryPolicy(max_attempts=3, factor=5))

    patched = TaskPatch({"retry": {"factor": None, "jitter": 0}}).apply_to(spec)

    assert patched.retry == RetryPolicy(max_attempts=3, jitter=0)
    assert (
        TaskPatch({"retry": None, "run_at": NOON + timedelta(1)}).apply_to(spec).retry
        == RetryPolicy()
    )
