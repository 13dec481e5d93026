"""A worker may open the files that its children need."""

import resource
from collections.abc import Iterator

import pytest

from adapters.supervision.descriptors import allow_descriptors


@pytest.fixture(autouse=True)
def hard() -> Iterator[int]:
    """Lower the limit to 500 for a test. Return the highest that this process may have."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (500, hard))
    yield hard
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@pytest.mark.parametrize(("number", "allowed"), [(400, 500), (501, 501)])
def test_a_limit_is_raised_if_it_is_not_enough(number: int, allowed: int) -> None:
    allow_descriptors(number)

    assert resource.getrlimit(resource.RLIMIT_NOFILE)[0] == allowed


def test_a_limit_is_raised_as_far_as_possible(hard: int) -> None:
    if hard == resource.RLIM_INFINITY:
        pytest.skip("this process may open any number of files")

    allow_descriptors(hard + 1)

    assert resource.getrlimit(resource.RLIMIT_NOFILE) == (hard, hard)
