"""The environment of a process: secrets leave it, and it is restored after a run."""

import os
from pathlib import Path

import pytest

from entrypoints.environment import environment_restorer, hide_secrets


@pytest.fixture(autouse=True)
def no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.startswith("TASKS_"):
            monkeypatch.delenv(name)


def test_secrets_are_removed_from_the_environment_with_the_names_of_their_files(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    file = tmp_path / "url"
    file.write_text("redis://127.0.0.1:1/0")
    monkeypatch.setenv("TASKS_REDIS_URL_FILE", str(file))
    monkeypatch.setenv("TASKS_CALLBACK_SECRET", "whsec_" + "c2VjcmV0" * 4)
    monkeypatch.setenv("TASKS_QUEUES", "reports")

    hide_secrets()

    assert [name for name in os.environ if name.startswith("TASKS_")] == ["TASKS_QUEUES"]


def test_the_environment_is_restored(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KEPT", "1")
    restore = environment_restorer()
    before = dict(os.environ)
    monkeypatch.setenv("ADDED", "1")
    monkeypatch.setenv("KEPT", "2")
    monkeypatch.delenv("PATH")

    restore()

    assert dict(os.environ) == before
