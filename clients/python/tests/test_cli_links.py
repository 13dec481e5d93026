"""`link` prints one URL that can be sent on, and says what it allows and for how long."""

import json
from pathlib import Path

import pytest
from command_line import CommandLine
from test_client_faults import a_problem
from tests.integration.receiver import Receiver, Response

LINK = {
    "token": "tl_x",
    "actions": ["read", "cancel"],
    "expires_at": "2099-01-02T03:04:05.000Z",
    "urls": {
        "page": "/ui/#/tasks/1?link=tl_x",
        "task": "/tasks/1?link=tl_x",
        "events": "/tasks/1/events?link=tl_x",
        "log": "/tasks/1/logs?link=tl_x",
        "cancel": "/tasks/1/cancel?link=tl_x",
    },
}


@pytest.fixture
def linking(receiver: Receiver, tmp_path: Path) -> CommandLine:
    """The command line of a service that makes links."""
    receiver.responses[:] = [Response(200, LINK)]
    return CommandLine(receiver.url, tmp_path)


def test_the_url_is_all_of_stdout(linking: CommandLine, receiver: Receiver) -> None:
    done = linking("link", "1", "--for", "2h", "--cancel")

    assert done.code == 0
    assert done.stdout == f"{receiver.url}/ui/#/tasks/1?link=tl_x\n"
    assert "without a key until 2099-01-" in done.stderr
    assert "may read and cancel" in done.stderr
    [request] = receiver.requests
    assert (request.method, request.path) == ("POST", "/tasks/1/links")
    assert request.json == {"expires_in": 7_200, "actions": ["read", "cancel"]}


def test_programs_get_the_url_of_the_api_or_all_of_it(
    linking: CommandLine, receiver: Receiver
) -> None:
    assert linking("link", "1", "--api").stdout == f"{receiver.url}/tasks/1?link=tl_x\n"
    assert json.loads(linking("link", "1", "--json").stdout) == LINK
    assert [request.json for request in receiver.requests] == [{"actions": ["read"]}] * 2


@pytest.mark.parametrize("span", ["0s", "31d", "1y", "60", ""])
def test_a_wrong_span_is_explained(linking: CommandLine, span: str) -> None:
    done = linking("link", "1", "--for", span)

    assert done.code == 2
    assert "write 30m, 2h or 7d" in done.stderr


def test_a_service_without_links_says_what_its_operator_does(
    linking: CommandLine, receiver: Receiver
) -> None:
    receiver.responses[:] = [a_problem("links_not_used", 409)]

    done = linking("link", "1")

    assert done.code == 1
    assert "The operator has to set TASKS_LINK_SECRET." in done.stderr
