"""The import rules name every package, so that a new one cannot escape them."""

import ast
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
CONTRACTS = {
    contract["name"]: contract
    for contract in tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"][
        "contracts"
    ]
}


def packages(layer: str) -> set[str]:
    """Return the names of the modules directly in a layer."""
    return {
        f"{layer}.{path.stem}"
        for path in (ROOT / "src" / layer).iterdir()
        if path.stem.isidentifier()
    } - {
        f"{layer}.__init__",
        f"{layer}.__pycache__",
    }


@pytest.mark.parametrize(
    ("contract", "layer", "allowed"),
    [
        ("Only the container imports adapters", "entrypoints", {"entrypoints.container"}),
        ("Only adapters.redis imports redis", "adapters", {"adapters.redis"}),
        ("Only adapters.celery imports celery and kombu", "adapters", {"adapters.celery"}),
        ("Only adapters.http calls what callers name", "adapters", {"adapters.http"}),
        ("Only adapters.tracing imports opentelemetry", "adapters", {"adapters.tracing"}),
        (
            "Only entrypoints.api imports the web libraries",
            "entrypoints",
            {"entrypoints.api", "entrypoints.cli"},
        ),
    ],
)
def test_a_rule_names_every_package_but_those_it_allows(
    contract: str, layer: str, allowed: set[str]
) -> None:
    named = set(CONTRACTS[contract]["source_modules"])

    assert packages(layer) - allowed <= named


@pytest.mark.parametrize("layer", ["domain", "application"])
def test_the_inner_layers_import_the_standard_library_and_each_other_alone(layer: str) -> None:
    known = {*sys.stdlib_module_names, "domain", "application"}

    for path in (ROOT / "src" / layer).rglob("*.py"):
        assert imported(path) <= known, path


def imported(path: Path) -> set[str]:
    nodes = list(ast.walk(ast.parse(path.read_text())))
    plain = {name.name for node in nodes if isinstance(node, ast.Import) for name in node.names}
    members = {node.module for node in nodes if isinstance(node, ast.ImportFrom) and node.module}
    return {name.split(".")[0] for name in plain | members}
