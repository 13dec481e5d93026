"""What doctor says about this host, and how it prints what it found."""

import os
from dataclasses import replace
from pathlib import Path

import pytest

from application.finding import Level, failure, ok, warning
from entrypoints.doctor import judge_api, judge_folder, judge_signing
from entrypoints.operator_commands import as_text, summary
from tests.unit.entrypoints.conftest import SETTINGS


def test_a_folder_that_only_this_user_can_use_is_well(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    folder.mkdir(mode=0o700)

    assert judge_folder(folder).level is Level.OK
    assert judge_folder(tmp_path / "later").level is Level.OK


@pytest.mark.parametrize("name", ["", "server.log"])
def test_a_folder_or_file_that_others_can_use_is_named(tmp_path: Path, name: str) -> None:
    folder = tmp_path / "data"
    folder.mkdir(mode=0o700)
    (folder / "server.log").touch(0o600)
    (folder / name).chmod(0o750)

    found = judge_folder(folder)

    assert found.level is Level.WARNING
    assert str(folder / name) in found.message
    assert f"chmod -R go= {folder}" in found.advice


def test_a_shared_folder_is_a_failure(tmp_path: Path) -> None:
    tmp_path.chmod(0o1777)

    assert judge_folder(tmp_path).level is Level.FAILURE


def test_a_folder_of_another_user_is_a_failure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    owner = os.geteuid()
    monkeypatch.setattr(os, "geteuid", lambda: owner + 1)

    assert f"belongs to user {owner}" in judge_folder(tmp_path).message


@pytest.mark.parametrize(
    ("status", "body", "level"),
    [
        (200, b'{"status": "ready"}', "ok"),
        (503, b'{"status": 503, "detail": "The task store is away."}', "failure"),
        (200, b"<html>", "failure"),
        (404, b"[]", "failure"),
    ],
)
def test_the_response_of_the_api_is_judged(status: int, body: bytes, level: str) -> None:
    found = judge_api("http://127.0.0.1:5000", status, body)

    assert found.level == level
    assert ("Another program" in found.message) is (body in {b"<html>", b"[]"})


def test_a_production_without_a_secret_refuses_callbacks() -> None:
    assert judge_signing(SETTINGS).level is Level.OK
    assert judge_signing(replace(SETTINGS, env="production")).level is Level.WARNING


def test_a_finding_is_one_line_and_its_advice_another() -> None:
    found = failure("redis", "It is\naway.", "Start it.")

    assert as_text(found).splitlines() == [
        "failure  redis        It is away.",
        "                      → Start it.",
    ]
    assert as_text(ok("redis", "Well.")) == "ok       redis        Well."


def test_the_last_line_counts_failures_and_warnings() -> None:
    assert summary([ok("a", "")]) == "Everything is well."
    assert summary([failure("a", "", ""), warning("b", "", "")]) == "1 failed, 1 with a warning."
