import pytest

from domain.errors import InvalidTaskSpec
from domain.task_spec import TaskPatch
from tests.building import a_spec


@pytest.mark.parametrize(
    ("member", "value"),
    [
        ("task_name", ""),
        ("task_name", "x" * 201),
        ("task_name", "a\tb"),
        ("task_name", "\udfff"),
        ("duration", 0),
        ("duration", 86_401),
        ("priority", -1),
        ("priority", 10),
        ("labels", {str(number): "" for number in range(17)}),
    ],
)
def test_a_member_outside_its_range_is_refused_by_its_name(member: str, value: object) -> None:
    with pytest.raises(InvalidTaskSpec) as refusal:
        a_spec(**{member: value})

    assert refusal.value.member == member


def test_the_labels_cannot_be_changed_from_outside() -> None:
    labels = {"a": "b"}
    spec = a_spec(labels=labels)
    labels["a"] = "c"

    assert dict(spec.labels) == {"a": "b"}


def test_a_patch_changes_what_it_names_and_merges_labels() -> None:
    spec = a_spec(priority=9, labels={"a": "1", "b": "2"})

    patched = TaskPatch({"duration": 7, "labels": {"b": None, "c": "3"}}).applied_to(spec)

    assert patched == a_spec(duration=7, priority=9, labels={"a": "1", "c": "3"})


def test_null_gives_a_member_its_default_again() -> None:
    spec = a_spec(priority=9, labels={"a": "1"})

    assert TaskPatch({"priority": None, "labels": None}).applied_to(spec) == a_spec()


def test_what_is_required_cannot_be_removed() -> None:
    with pytest.raises(InvalidTaskSpec, match="required"):
        TaskPatch({"task_name": None}).applied_to(a_spec())
