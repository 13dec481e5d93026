"""The files that the page of the documentation loads."""

from importlib import resources

import psutil
import pytest
from flask.testing import FlaskClient

FILES = {
    "swagger-ui.css": "text/css; charset=utf-8",
    "swagger-ui-bundle.js": "text/javascript; charset=utf-8",
    "favicon-32x32.png": "image/png",
}


@pytest.mark.parametrize("name", FILES)
def test_a_file_is_sent_once_a_day_and_again_only_if_it_has_changed(
    client: FlaskClient, name: str
) -> None:
    response = client.get(f"/docs/{name}")

    assert response.data == (resources.files("flask_swagger_ui") / "dist" / name).read_bytes()
    assert response.headers["Content-Type"] == FILES[name]
    assert response.headers["Cache-Control"] == "public, max-age=86400"
    tag = response.headers["ETag"]
    again = client.get(f"/docs/{name}", headers={"If-None-Match": tag})
    assert (again.status_code, again.data) == (304, b"")
    other = client.get(f"/docs/{name}", headers={"If-None-Match": '"other"'})
    assert other.data == response.data


def test_a_part_of_a_file_can_be_asked_for(client: FlaskClient) -> None:
    whole = client.get("/docs/swagger-ui.css").data

    part = client.get("/docs/swagger-ui.css", headers={"Range": "bytes=10-19"})

    assert (part.status_code, part.data) == (206, whole[10:20])
    assert part.headers["Content-Range"] == f"bytes 10-19/{len(whole)}"
    beyond = client.get("/docs/swagger-ui.css", headers={"Range": f"bytes={len(whole)}-"})
    assert beyond.status_code == 416


def test_no_file_is_open_while_clients_take_it(client: FlaskClient) -> None:
    process = psutil.Process()
    before = process.num_fds()

    unread = [client.get("/docs/swagger-ui-bundle.js") for _ in range(5)]

    assert process.num_fds() == before
    assert {response.status_code for response in unread} == {200}


def test_other_files_of_the_package_are_not_there(client: FlaskClient) -> None:
    assert client.get("/docs/swagger-ui.js").status_code == 404
