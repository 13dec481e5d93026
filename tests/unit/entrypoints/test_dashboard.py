"""How the dashboard is served: policy, cache, compression, and rules of its source."""

import gzip
import re
from base64 import b64encode
from hashlib import sha256
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from entrypoints.api.resources.dashboard import dashboard

UI = Path(__file__).parents[3] / "src/entrypoints/api/ui"
MARKUP_FROM_TEXT = re.compile(
    r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|DOMParser|createContextualFragment"
    r"|\beval\(|new Function|srcdoc|setHTMLUnsafe"
)


def script_source(script: str) -> str:
    """Return what allows a script of a page: https://www.w3.org/TR/CSP3/#grammardef-hash-source."""
    return f"'sha256-{b64encode(sha256(script.encode()).digest()).decode()}'"


@pytest.mark.parametrize("path", ["/", "/ui"])
def test_the_root_leads_to_the_dashboard_by_a_relative_url(client: FlaskClient, path: str) -> None:
    response = client.get(path)

    assert (response.status_code, response.headers["Location"]) == (302, "ui/")


def test_the_page_has_a_strict_policy_and_loads_only_its_own_version(client: FlaskClient) -> None:
    page = client.get("/ui/")

    policy = page.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "require-trusted-types-for 'script'" in policy
    assert "unsafe" not in policy
    scripts = re.findall(r"<script>(.*?)</script>", page.text, re.DOTALL)
    assert [script_source(script) in policy for script in scripts] == [True]
    loaded = re.findall(r'(?:src|href)="([^"]+)"', page.text)
    assert {url.partition("/")[0] for url in loaded} == {dashboard().version, ".."}
    assert not re.search(r"<style|\son[a-z]+=|https?://", page.text)


def test_the_page_is_asked_for_again_and_not_sent_again(client: FlaskClient) -> None:
    page = client.get("/ui/")

    assert page.headers["Cache-Control"] == "no-cache"
    again = client.get("/ui/", headers={"If-None-Match": page.headers["ETag"]})
    assert (again.status_code, again.data) == (304, b"")


def test_files_never_change_and_an_old_version_is_not_there(client: FlaskClient) -> None:
    stored = client.get(f"/ui/{dashboard().version}/app.js")

    assert stored.data == (UI / "app.js").read_bytes()
    assert "immutable" in stored.headers["Cache-Control"]
    assert stored.headers["Content-Type"] == "text/javascript; charset=utf-8"
    assert stored.headers["Content-Security-Policy"]
    for path in ("0123456789abcdef/app.js", f"{dashboard().version}/none.js"):
        assert client.get(f"/ui/{path}").status_code == 404


def test_files_are_compressed_for_those_who_accept_it(client: FlaskClient) -> None:
    url = f"/ui/{dashboard().version}/style.css"

    compressed = client.get(url, headers={"Accept-Encoding": "br, gzip"})
    plain = client.get(url, headers={"Accept-Encoding": "gzip;q=0"})

    assert compressed.headers["Content-Encoding"] == "gzip"
    assert gzip.decompress(compressed.data) == plain.data
    assert "Content-Encoding" not in plain.headers
    assert compressed.headers["Vary"] == plain.headers["Vary"] == "Accept-Encoding"


@pytest.mark.parametrize("path", sorted(UI.iterdir()), ids=lambda path: path.name)
def test_files_are_short_and_make_no_markup_from_text(path: Path) -> None:
    text = path.read_text()

    assert len(text.splitlines()) < 300
    assert not MARKUP_FROM_TEXT.search(text)
    assert "http://" not in text.replace("http://www.w3.org/2000/svg", "")
