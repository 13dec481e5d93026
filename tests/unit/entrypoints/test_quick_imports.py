import gc
import subprocess
import sys

import pytest

from entrypoints.quick_imports import quick_imports


def test_collections_are_suspended_and_go_on_after_an_import() -> None:
    with quick_imports():
        assert not gc.isenabled()

    assert gc.isenabled()
    assert gc.get_freeze_count() > 0
    gc.unfreeze()


@pytest.mark.parametrize("module", ["entrypoints.api.server", "entrypoints.maintenance.process"])
def test_a_process_that_runs_no_tasks_does_not_import_a_celery_worker(module: str) -> None:
    program = f"import sys, {module}; print('celery.worker' in sys.modules)"

    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)

    assert done.stdout.split() == ["False"], done.stderr
