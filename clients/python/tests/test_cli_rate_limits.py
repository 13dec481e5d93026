"""Commands wait for the limit of requests, and say so; or they say when to come again."""

from pathlib import Path

import pytest
from command_line import CommandLine
from test_client_faults import a_problem
from test_client_values import TASK
from tests.integration.receiver import Receiver, Response

ONE_TASK = '{"task_name": "x", "duration": 1}\n'
BATCH = Response(202, {"tasks": [TASK]})


@pytest.fixture
def limited(receiver: Receiver, tmp_path: Path) -> CommandLine:
    """The command line of a service that responds as the test says."""
    return CommandLine(receiver.url, tmp_path)


def test_a_command_waits_and_says_so(limited: CommandLine, receiver: Receiver) -> None:
    receiver.responses[:] = [a_problem("rate_limited", 429, "2"), Response(200, TASK)]

    done = limited("get", "1")

    assert done.code == 0
    assert done.stderr == "It failed. Going on then. Ctrl-C ends.\n"


def test_a_limit_that_lasts_ends_the_command(limited: CommandLine, receiver: Receiver) -> None:
    receiver.responses[:] = [a_problem("rate_limited", 429, "3600")]

    done = limited("get", "1")

    assert done.code == 1
    assert "It failed.\nThe limit is that of your key" in done.stderr
    assert len(receiver.requests) == 1


def test_a_batch_waits_until_all_its_chunks_are_accepted(
    limited: CommandLine, receiver: Receiver
) -> None:
    refusals = [a_problem("rate_limited", 429, "0")] * 7  # one call alone gives up after five
    receiver.responses[:] = [*refusals, BATCH]

    done = limited("batch", "-", "--parallel", "1", stdin=ONE_TASK)

    assert done.code == 0
    assert "Submitted 1 tasks" in done.stderr
    assert len({request.headers["idempotency-key"] for request in receiver.requests}) == 1


def test_a_batch_ends_at_a_limit_that_lasts_and_can_be_repeated(
    limited: CommandLine, receiver: Receiver
) -> None:
    receiver.responses[:] = [a_problem("rate_limited", 429, "3600")]

    done = limited("batch", "-", stdin=ONE_TASK)

    assert done.code == 1
    assert "Repeat the command with the same file" in done.stderr
    assert len(receiver.requests) == 1


def test_chunks_may_be_as_small_as_the_limit_wants(
    limited: CommandLine, receiver: Receiver
) -> None:
    receiver.responses[:] = [BATCH]

    assert limited("batch", "-", "--chunk", "2", stdin=ONE_TASK * 5).code == 0

    assert sorted(request.body.count(b"task_name") for request in receiver.requests) == [1, 2, 2]
