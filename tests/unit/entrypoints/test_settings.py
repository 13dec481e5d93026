"""Invalid settings stop the start, and the message lists every problem."""

import os
from datetime import timedelta
from pathlib import Path

import pytest

from entrypoints.environment import load_settings
from entrypoints.settings import InvalidSettings


@pytest.fixture(autouse=True)
def no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.startswith("TASKS_"):
            monkeypatch.delenv(name)


def test_nothing_needs_to_be_set() -> None:
    settings = load_settings()

    assert (settings.http_host, settings.http_port, settings.redis_url) == ("127.0.0.1", 5000, None)
    assert (settings.lease, settings.retention) == (timedelta(seconds=15), timedelta(days=7))


@pytest.mark.parametrize(
    ("name", "value", "allowed"),
    [
        ("TASKS_HTTP_PORT", "0", "1 to 65535"),
        ("TASKS_HTTP_PORT", "65536", "1 to 65535"),
        ("TASKS_HTTP_PORT", "http", "1 to 65535"),
        ("TASKS_HTTP_WORKERS", "0", "1 to 64"),
        ("TASKS_HTTP_BODY_SECONDS", "0", "1 to 3600"),
        ("TASKS_HTTP_PENDING_PER_CLIENT", "10001", "1 to 10000"),
        ("TASKS_REDIS_MIN_REPLICAS", "-1", "0 to 16"),
        ("TASKS_REDIS_MIN_REPLICAS", "one", "0 to 16"),
        ("TASKS_DATA_DIR", "", "must name a folder"),
        ("TASKS_WORKER_CONCURRENCY", "-1", "1 to 1000"),
        ("TASKS_LEASE_SECONDS", "2", "3 to 3600"),
        ("TASKS_RETENTION_SECONDS", "0", "1 to 315360000"),
        ("TASKS_MAX_BODY_BYTES", "10", "1024 to 536870912"),
        ("TASKS_CHILD_MAX_RUNS", "-1", "0 to 1000000000"),
        ("TASKS_CHILD_MAX_MEMORY", "1g", "0 to 1048576"),
        ("TASKS_SHUTDOWN_GRACE_SECONDS", "1h", "0 to 3600"),
        ("TASKS_QUEUES", "default,Mails", "names of 1 to 63"),
        ("TASKS_EVENTS_KEPT", "10", "1000 to 100000000"),
        ("TASKS_EMBEDDED_MAX_MEMORY_MB", "15", "16 to 1048576"),
        ("TASKS_EMBEDDED_MAX_MEMORY_MB", "2g", "16 to 1048576"),
        *(
            ("TASKS_HTTP_ALLOWED_HOSTS", value, "host names or addresses without scheme and port")
            for value in ("http://a", "a:80", "a,,b", "a b", "*.a", "[::1]:80", "-a", "a/b", "ä")
        ),
        ("TASKS_MAX_QUEUES", "0", "1 to 100000"),
        ("TASKS_MAX_QUEUES", "many", "1 to 100000"),
        ("TASKS_HTTP_HOST", "", "an address of this machine"),
        ("TASKS_RATE_LIMIT", "600", "such as 600/minute"),
        ("TASKS_RATE_LIMIT", "0/minute", "must be a number from 1 to 999999999"),
        ("TASKS_ENV", "staging", "development or production"),
    ],
)
def test_an_invalid_value_is_named_with_the_allowed_ones(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, allowed: str
) -> None:
    monkeypatch.setenv(name, value)

    with pytest.raises(InvalidSettings) as refusal:
        load_settings()

    (problem,) = refusal.value.problems
    assert problem.startswith(f"{name} is {value!r}")
    assert allowed in problem


@pytest.mark.parametrize(
    "url",
    [
        "localhost:6379",
        "redi://:secretpw@h:1/0",
        "redis://:secretpw@/0",
        "redis://:secretpw@h:port/0",
        "redis://:secretpw@h:70000/0",
        "redis://:secretpw@h:1/name",
        "http://:secretpw@h:1/0",
        "unix://:secretpw@",
        "unix://:secretpw@/",
        "unix://secretpw/redis.sock",
        "unix:///secretpw?db=one",
        "unix:///secretpw?db=0&decode_responses=1",
        f"unix:///secretpw{'x' * 100}",
    ],
)
def test_a_wrong_url_of_redis_is_refused_without_its_password(
    monkeypatch: pytest.MonkeyPatch, url: str
) -> None:
    monkeypatch.setenv("TASKS_REDIS_URL", url)

    with pytest.raises(InvalidSettings, match=r"TASKS_REDIS_URL .* must be redis://") as refusal:
        load_settings()

    assert "secretpw" not in str(refusal.value)


@pytest.mark.parametrize(
    "url",
    [
        "redis://h",
        "redis://h:1",
        "redis://h/3",
        "rediss://user:pw@[::1]:6379/15",
        "unix:///run/a%20b.sock",
        "unix://u:pw@/r.sock?db=3",
        "sentinel://a/m",
        "sentinel://u:pw@a:1,[::1]:2/m?db=3&sentinel_password=pw",
    ],
)
def test_a_url_of_redis_may_leave_out_parts_that_have_a_default(
    monkeypatch: pytest.MonkeyPatch, url: str
) -> None:
    monkeypatch.setenv("TASKS_REDIS_URL", url)

    assert load_settings().redis_url == url


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("redis://:secretpw@h:1/0?unknown=secretpw", "redis://***@h:1/0?unknown=***"),
        ("redis://h?db=3", "redis://h?db=***"),
        (
            "redis://u:secretpw@h:1?socket_timeout=3&password=secretpw",
            "redis://***@h:1?socket_timeout=***&password=***",
        ),
        ("redis://h?ssl_ca_certs=/etc/hosts", "redis://h?ssl_ca_certs=***"),
        ("rediss://h/0?ssl_cert_reqs=none", "rediss://h/0?ssl_cert_reqs=***"),
        ("rediss://h/0?unknown", "rediss://h/0?unknown=***"),
    ],
)
def test_an_unknown_option_of_the_url_of_redis_is_refused_with_the_allowed_ones(
    monkeypatch: pytest.MonkeyPatch, url: str, shown: str
) -> None:
    monkeypatch.setenv("TASKS_REDIS_URL", url)

    with pytest.raises(InvalidSettings) as refusal:
        load_settings()

    (problem,) = refusal.value.problems
    assert problem.startswith(
        f"TASKS_REDIS_URL (secrets are not shown): {shown} has the unknown option "
    )
    assert "rediss:// takes ssl_ca_certs, ssl_certfile, ssl_keyfile" in problem
    assert "secretpw" not in problem


@pytest.mark.parametrize(
    ("url", "shown", "reason"),
    [
        ("sentinel://:secretpw@a:1,b:2", "sentinel://***@a:1,b:2", "must name the service"),
        ("sentinel://:secretpw@a:x/m", "sentinel://***@a:x/m", "has 'a:x' where host"),
        ("sentinel://a/m?password=secretpw", "sentinel://a/m?password=***", "the unknown option"),
    ],
)
def test_a_wrong_url_of_sentinels_is_refused_with_the_reason_and_without_secrets(
    monkeypatch: pytest.MonkeyPatch, url: str, shown: str, reason: str
) -> None:
    monkeypatch.setenv("TASKS_REDIS_URL", url)

    with pytest.raises(InvalidSettings) as refusal:
        load_settings()

    (problem,) = refusal.value.problems
    assert problem.startswith(f"TASKS_REDIS_URL (secrets are not shown): {shown} ")
    assert reason in problem
    assert "sentinel://[user:password@]host[:port],host[:port],…/service" in problem
    assert "secretpw" not in problem


@pytest.mark.parametrize("base", ["rediss://h/0?", "sentinel://a,b/tasks?tls=true&"])
def test_a_url_of_redis_may_name_files_for_tls_that_can_be_read(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, base: str
) -> None:
    (tmp_path / "ca.pem").touch()
    monkeypatch.setenv("TASKS_REDIS_URL", url := f"{base}ssl_ca_certs={tmp_path / 'ca.pem'}")
    assert load_settings().redis_url == url

    (tmp_path / "ca.pem").unlink()
    with pytest.raises(
        InvalidSettings,
        match=r"ssl_ca_certs, which must name a readable file: No such file",
    ):
        load_settings()


def test_queues_are_separated_by_commas(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TASKS_QUEUES", "default,mails")

    assert load_settings().queues == ("default", "mails")


@pytest.mark.parametrize(
    ("value", "hosts"),
    [
        ("", ()),
        ("api", ("api",)),
        (
            "Tasks.Example.com, api_1,10.0.0.1,::1,[::2]",
            ("Tasks.Example.com", "api_1", "10.0.0.1", "::1", "[::2]"),
        ),
        ("*", ("*",)),
    ],
)
def test_hosts_are_names_or_addresses(
    monkeypatch: pytest.MonkeyPatch, value: str, hosts: tuple[str, ...]
) -> None:
    monkeypatch.setenv("TASKS_HTTP_ALLOWED_HOSTS", value)

    assert load_settings().http_allowed_hosts == hosts


def test_a_misspelt_setting_is_named_with_the_most_similar_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("TASKS_HTP_PORT", "80")

    with pytest.raises(
        InvalidSettings, match="TASKS_HTP_PORT is not a setting; did you mean TASKS_HTTP_PORT"
    ):
        load_settings()


def test_all_problems_are_listed_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TASKS_HTTP_PORT", "0")
    monkeypatch.setenv("TASKS_LEASE_SECONDS", "x")
    monkeypatch.setenv("TASKS_COLOR", "red")

    with pytest.raises(InvalidSettings) as refusal:
        load_settings()

    assert len(refusal.value.problems) == 3


def test_a_file_can_hold_a_secret(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    secret = tmp_path / "url"
    secret.write_text("redis://:secret@redis:6379/0\n")
    monkeypatch.setenv("TASKS_REDIS_URL_FILE", str(secret))

    assert load_settings().redis_url == "redis://:secret@redis:6379/0"


def test_a_file_that_cannot_be_read_is_named(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("TASKS_HTTP_PORT_FILE", str(tmp_path / "nothing"))

    with pytest.raises(
        InvalidSettings, match=r"TASKS_HTTP_PORT_FILE: cannot read '.*/nothing': No such file"
    ):
        load_settings()


def test_the_file_of_a_secret_that_cannot_be_read_is_not_shown(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("TASKS_CALLBACK_SECRET_FILE", "whsec_given_instead_of_a_path")

    with pytest.raises(InvalidSettings) as refusal:
        load_settings()

    assert refusal.value.problems == [
        "TASKS_CALLBACK_SECRET_FILE: cannot read its file: No such file or directory"
    ]


def test_without_redis_the_message_names_the_setting_and_the_way_out() -> None:
    with pytest.raises(InvalidSettings, match=r"TASKS_REDIS_URL is not set.*task-manager local"):
        load_settings().require_redis()
