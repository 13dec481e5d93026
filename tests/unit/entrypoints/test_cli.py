"""Commands that need no running service."""

import pytest
from click.testing import CliRunner
from standardwebhooks import Webhook

from entrypoints.cli import main

SECRET = "whsec_" + "A" * 40


def test_the_key_of_http_tasks_is_printed_and_is_not_the_secret_of_callbacks() -> None:
    printed = CliRunner().invoke(
        main, ["signing-key", "http"], env={"TASKS_CALLBACK_SECRET": SECRET}
    )

    key = printed.stdout.strip()
    assert (printed.exit_code, key.startswith("whsec_")) == (0, True)
    assert key != SECRET
    assert Webhook(key)


def test_without_a_secret_there_is_no_key_and_the_message_names_the_setting() -> None:
    printed = CliRunner().invoke(main, ["signing-key", "http"], env={"TASKS_CALLBACK_SECRET": None})

    assert (printed.exit_code, printed.stdout) == (2, "")
    assert "TASKS_CALLBACK_SECRET is not set" in printed.stderr


def test_the_help_has_an_example_and_a_wrong_sender_gets_the_list_of_senders() -> None:
    assert (
        "task-manager signing-key http"
        in CliRunner().invoke(main, ["signing-key", "--help"]).output
    )
    assert "'mail' is not 'http'" in CliRunner().invoke(main, ["signing-key", "mail"]).output


@pytest.mark.parametrize("part", ["worker", "maintenance"])
def test_a_part_that_cannot_reach_redis_is_alive_but_not_healthy(part: str) -> None:
    nowhere = {"TASKS_REDIS_URL": "redis://127.0.0.1:1/0"}

    healthy, alive = (
        CliRunner().invoke(main, ["health", part, *options], env=nowhere)
        for options in ([], ["--liveness"])
    )

    assert (healthy.exit_code, alive.exit_code) == (1, 0)
    assert "cannot reach the store" in healthy.stderr
    assert "cannot reach the store" in alive.stdout
