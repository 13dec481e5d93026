"""Kustomize, which comes with kubectl, on the files in deploy/kubernetes."""

import re
import shutil
import subprocess
from functools import cache

import pytest

from tests import manifests
from tests.manifests import FOLDER, Document

OLDEST = (5, 0)
INSTALL = (
    "neither kubectl 1.27 or newer nor kustomize 5 or newer is installed: "
    "https://kubernetes.io/docs/tasks/tools/ (the kubernetes-client of Debian 12 is too old)"
)


def skip_without_kustomize() -> None:
    """Skip the module that calls this while it is imported."""
    if _command() is None:
        pytest.skip(INSTALL, allow_module_level=True)


@cache
def build(overlay: str) -> tuple[Document, ...]:
    """Return the documents of an overlay, as `kubectl apply -k` would send them."""
    command = _command()
    assert command is not None
    built = subprocess.run(
        [*command, str(FOLDER / overlay)], capture_output=True, text=True, timeout=300, check=False
    )
    assert (built.returncode, built.stderr) == (0, "")
    return tuple(manifests.documents(built.stdout))


@cache
def _command() -> tuple[str, ...] | None:
    """Return the command that builds a folder; None without one that is new enough."""
    for program, version, command in (
        ("kustomize", ("version",), ("kustomize", "build")),
        ("kubectl", ("version", "--client"), ("kubectl", "kustomize")),
    ):
        if shutil.which(program) is None:
            continue
        shown = subprocess.run(
            [program, *version], capture_output=True, text=True, timeout=300, check=False
        ).stdout
        found = re.search(r"(?:Kustomize Version: |^)v?(\d+)\.(\d+)\.\d+", shown, re.MULTILINE)
        if found and (int(found[1]), int(found[2])) >= OLDEST:
            return command
    return None
