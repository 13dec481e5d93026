"""The files in deploy/kubernetes, as data."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[1]
FOLDER = ROOT / "deploy" / "kubernetes"
OVERLAYS = ("development", "production")

Document = dict[str, Any]


def documents(text: str) -> list[Document]:
    """Return the documents of a YAML text."""
    return [each for each in yaml.safe_load_all(text) if each]


def read(name: str) -> list[Document]:
    """Return the documents of a file, such as base/worker.yaml."""
    return documents((FOLDER / name).read_text())


def named(overlay: str) -> list[Document]:
    """Return the documents that an overlay and its base name, before Kustomize changes them."""
    found: list[Document] = []
    for name in read(f"{overlay}/kustomization.yaml")[0]["resources"]:
        path = f"{overlay}/{name}"
        found += named(path) if (FOLDER / path).is_dir() else read(path)
    return found


def one(found: Iterable[Document], kind: str, name: str = "") -> Document:
    """Return the only document of this kind, and of this name if there is one."""
    [document] = [
        each for each in found if each["kind"] == kind and name in ("", each["metadata"]["name"])
    ]
    return document


def container(workload: Document) -> Document:
    """Return the only container of a Deployment or StatefulSet."""
    [only] = workload["spec"]["template"]["spec"]["containers"]
    found: Document = only
    return found


def settings(overlay: str) -> dict[str, str]:
    """Return the settings that an overlay gives to all processes, those of the base included."""
    pairs: list[str] = []
    for folder in ("base", overlay):
        [generated] = read(f"{folder}/kustomization.yaml")[0]["configMapGenerator"]
        pairs += generated["literals"]
    return dict(pair.split("=", 1) for pair in pairs)
