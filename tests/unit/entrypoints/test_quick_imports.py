import importlib
import subprocess
import sys

import pytest

from entrypoints.quick_imports import without


def test_a_library_that_is_not_wanted_is_not_found_in_the_block() -> None:
    sys.modules.pop("this", None)

    with without("this"), pytest.raises(ModuleNotFoundError, match="this is not wanted here"):
        importlib.import_module("this")

    assert importlib.util.find_spec("this")


@pytest.mark.parametrize("library", ["pydantic", "werkzeug", "adapters.handlers.http_call"])
def test_maintenance_does_without_what_it_never_uses(library: str) -> None:
    program = f"import sys, entrypoints.maintenance.process; print({library!r} in sys.modules)"

    printed = subprocess.check_output([sys.executable, "-c", program], text=True)

    assert printed == "False\n"
