"""Wake-ups can be built by several threads at once."""

import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from adapters.celery.app import create_celery_app
from adapters.celery.wake_ups import WakeUpFactory


@pytest.fixture
def switches_often() -> Iterator[None]:
    """Let threads meet in the middle of whatever they do."""
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(interval)


@pytest.mark.usefixtures("switches_often")
def test_threads_that_build_the_wake_up_of_one_queue_side_by_side_all_get_it() -> None:
    app = create_celery_app("redis://127.0.0.1/0", ["default"])
    factories = [WakeUpFactory(app) for _ in range(400)]

    with ThreadPoolExecutor(8) as threads:
        built = list(threads.map(lambda each: each.wake_up_of("default"), factories))

    assert set(built) == {factories[0].wake_up_of("default")}
