"""The worker's parent knows the processes of its pool."""

import os
import subprocess
from collections.abc import Iterator
from types import SimpleNamespace

import pytest

from adapters.celery.child_watch import BilliardPool
from adapters.supervision.children import Children

pytestmark = pytest.mark.skipif(not hasattr(os, "pidfd_open"), reason="a pidfd is Linux's")


@pytest.fixture
def sleeper() -> Iterator[subprocess.Popen[bytes]]:
    with subprocess.Popen(["sleep", "600"]) as process:
        yield process
        process.kill()


def test_a_child_that_the_pool_starts_while_its_loop_stands_still_is_known(
    sleeper: subprocess.Popen[bytes],
) -> None:
    """As during an outage of Redis: whoever is not known is killed as left behind by a dead
    child."""
    children, starting = Children(), SimpleNamespace(pid=None)
    pool = SimpleNamespace(_pool=[starting, sleeper], _cache={})
    children.belong_to(BilliardPool(pool))

    children.wait(0)

    assert children.known() == {sleeper.pid}
    assert children.living() == [sleeper.pid]
