"""`task-manager doctor` names each fault of an installation, and what to do about it."""

import json
import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
import redis
from click.testing import CliRunner, Result

from entrypoints.cli import main
from entrypoints.doctor import examine
from tests.integration import broken_setups as broken
from tests.integration.broken_setups import READY, Changes, Installation, tcp_server
from tests.integration.ports import free_port
from tests.integration.receiver import Receiver
from tests.integration.tcp_redis import TcpRedis
from tests.integration.waiting import PATIENCE

pytestmark = pytest.mark.usefixtures("no_settings")

LIMITS = (
    "adapters.redis.connection.TIMEOUT_SECONDS",
    "adapters.redis.store_inspection.PROBE_SECONDS",
    "entrypoints.doctor.API_SECONDS",
)
"""A busy machine may take any time for a reply."""
Break = Callable[[Installation], Changes]
REST = (
    "version role scripts layout clock eviction persistence disk memory maintenance workers queues "
    "types callbacks"
)

SETUPS: dict[str, tuple[Break, dict[str, str], str]] = {
    "no worker": (broken.no_worker, {"workers": "failure"}, "Start one: task-manager worker"),
    "no maintenance": (
        broken.no_maintenance,
        {"maintenance": "failure"},
        "Start one: task-manager maintenance",
    ),
    "clock off": (broken.clock_off, {"clock": "failure"}, "90.0 s ahead of that of Redis"),
    "eviction": (broken.eviction, {"eviction": "failure"}, "maxmemory-policy is allkeys-lru"),
    "no append-only file": (broken.no_file, {"persistence": "failure"}, "appendonly is no"),
    "wrong password": (broken.wrong_password, {"redis": "failure"}, "Correct the user and the"),
    "no password": (broken.no_password, {"redis": "failure"}, "redis://:password@host"),
    "Redis away": (broken.redis_away, {"redis": "failure"}, "Start Redis, or correct the host"),
    "sentinels away": (broken.sentinels_away, {"redis": "failure"}, "Start the sentinels"),
    "no such database": (broken.no_such_database, {"redis": "failure"}, "number of the database"),
    "TLS here alone": (broken.tls_on_one_side, {"redis": "failure"}, "This address has no TLS"),
    "TLS there alone": (
        broken.tls_on_the_other_side,
        {"redis": "failure"},
        "Use rediss:// instead of redis://",
    ),
    "untrusted certificate": (
        broken.untrusted_certificate,
        {"redis": "failure"},
        "?ssl_ca_certs=/path with the authority",
    ),
    "queue without worker": (
        broken.queue_without_worker,
        {"queues": "failure"},
        "1 tasks wait in the queue mail",
    ),
    "queue paused": (broken.queue_paused, {"queues": "warning"}, "queues resume default"),
    "unknown type": (broken.unknown_type, {"types": "failure"}, "1 tasks of the type 'ghost'"),
    "disk full": (
        broken.disk_full,
        {"disk": "failure", "scripts": "failure"},
        "Free space on the disk of Redis",
    ),
    "memory over 80 %": (broken.memory_at(0.82), {"memory": "warning"}, "are refused from 85%"),
    "memory full": (broken.memory_at(0.95), {"memory": "failure"}, "New tasks are refused."),
    "callbacks fail": (
        broken.callbacks_fail,
        {"callbacks": "warning"},
        "1 of the latest 1 callbacks to example.com failed",
    ),
    "old layout": (broken.old_layout, {"layout": "warning"}, "The store names no layout"),
    "newer layout": (broken.newer_layout, {"layout": "failure"}, "needs a release that reads"),
    "handlers that cannot be imported": (
        broken.settings(HANDLERS="no.such.module"),
        {"handlers": "failure"},
        "no.such.module",
    ),
    "wrong setting": (
        broken.settings(HTTP_PORT="70000"),
        {"settings": "failure"},
        "TASKS_HTTP_PORT is '70000': must be a whole number from 1 to 65535",
    ),
    "misspelt setting": (
        broken.settings(LEASE_SECOND="9"),
        {"settings": "failure"},
        "did you mean TASKS_LEASE_SECONDS?",
    ),
    "no Redis named": (
        broken.settings(REDIS_URL=None),
        {"redis": "failure"},
        "TASKS_REDIS_URL is not set",
    ),
    "callbacks cannot be signed": (
        broken.settings(ENV="production"),
        {"signing": "warning"},
        "Set TASKS_CALLBACK_SECRET",
    ),
    "folder for everybody": (broken.wide_folder, {"folder": "warning"}, "chmod -R go="),
    "old server": (broken.old_server, {"version": "failure"}, "needs 7.2 or newer"),
    "scripts forbidden": (broken.scripts_forbidden, {"scripts": "failure"}, "ACL LOG"),
    "replica": (
        broken.replica,
        {"role": "failure", "scripts": "failure"},
        "Let TASKS_REDIS_URL name the primary",
    ),
    "API away": (
        lambda _: {"HTTP_PORT": str(free_port())},
        {"api": "warning"},
        "Start it: task-manager api",
    ),
    "another program": (broken.another_program, {"api": "failure"}, "Another program listens"),
    "API not ready": (broken.api_not_ready, {"api": "failure"}, "The task store is away."),
}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TcpRedis]:
    with tcp_server(tmp_path_factory.mktemp("redis")) as (server, _):
        yield server


@pytest.fixture
def installation(
    server: TcpRedis, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Installation]:
    """Return a healthy installation."""
    (tmp_path / "data").mkdir(mode=0o700)
    for name in LIMITS:
        monkeypatch.setattr(name, PATIENCE)
    with (
        redis.Redis.from_url(server.url) as client,
        Receiver(READY) as api,
        ExitStack() as undo,
    ):
        client.execute_command("FLUSHALL", "SYNC")  # tests compare what it uses of its memory
        yield Installation(server, client, tmp_path, monkeypatch, api, undo)


@pytest.fixture
def use(installation: Installation, monkeypatch: pytest.MonkeyPatch) -> Callable[[Changes], None]:
    """Set the settings of the healthy installation, with changes."""

    def use(changes: Changes) -> None:
        healthy = {
            "REDIS_URL": installation.server.url,
            "DATA_DIR": str(installation.folder / "data"),
            "HTTP_PORT": installation.api.url.rpartition(":")[2],
        }
        for name, value in {**healthy, **changes}.items():
            if value is not None:
                monkeypatch.setenv(f"TASKS_{name}", value)

    return use


def run(*options: str) -> Result:
    return CliRunner().invoke(main, ["doctor", *options])


def test_a_healthy_installation_is_well(use: Callable[[Changes], None]) -> None:
    use({})

    done = run()

    assert (done.exit_code, done.stdout.splitlines()[-1]) == (0, "Everything is well.")
    lines = [line.split()[:2] for line in done.stdout.splitlines() if line][:-1]
    names = f"settings handlers folder signing redis {REST} api".split()
    assert lines == [["ok", name] for name in names]


@pytest.mark.parametrize("name", SETUPS)
def test_a_fault_is_named_with_what_to_do(
    installation: Installation, use: Callable[[Changes], None], name: str
) -> None:
    breaks, expected, says = SETUPS[name]
    use(breaks(installation))

    done = run("--json")

    found = json.loads(done.stdout)
    bad = [each for each in found["checks"] if each["level"] in {"warning", "failure"}]
    assert {each["check"]: each["level"] for each in bad} == expected
    assert all(each["advice"] for each in bad)
    told = " ".join(f"{each['message']} {each['advice']}" for each in bad)
    assert says in told
    assert "secret" not in told
    assert found["level"] == ("failure" if "failure" in expected.values() else "warning")
    assert done.exit_code == (1 if found["level"] == "failure" else 0)


def test_checks_that_need_redis_are_skipped_without_it(
    installation: Installation, use: Callable[[Changes], None]
) -> None:
    use(broken.redis_away(installation))

    skipped = [finding.check for finding in examine() if finding.level == "skipped"]

    assert skipped == REST.split()


@pytest.mark.parametrize("forbid", [broken.keys_forbidden, broken.info_forbidden])
def test_what_cannot_be_looked_up_is_a_finding(
    installation: Installation, use: Callable[[Changes], None], forbid: Break
) -> None:
    use(forbid(installation))

    found = list(examine())

    unknown = [each for each in found if "could not be checked" in each.message]
    assert unknown
    assert all(each.level == "failure" and each.advice for each in unknown)
    assert found[-1].check == "api"
    assert found[-1].level == "ok"


def test_the_restricted_user_of_the_page_may_look_at_everything(
    installation: Installation, use: Callable[[Changes], None]
) -> None:
    page = (Path(__file__).parents[2] / "docs" / "operations.md").read_text()
    [rules] = re.findall(r"^user tasks on >password (.+)$", page, re.MULTILINE)
    use(installation.user(*rules.split()))
    installation.client.execute_command("ACL", "LOG", "RESET")

    done = run()

    assert done.stdout.endswith("\nEverything is well.\n"), done.stdout
    assert installation.client.execute_command("ACL", "LOG") == []


def test_it_finds_the_embedded_server_of_the_data_directory(
    installation: Installation, use: Callable[[Changes], None]
) -> None:
    (installation.folder / "data" / "redis.url").write_text(installation.server.url + "\n")
    use({"REDIS_URL": None})

    assert run().exit_code == 0


def test_it_changes_nothing(installation: Installation, use: Callable[[Changes], None]) -> None:
    use({})
    changes = installation.client.info("persistence")["rdb_changes_since_last_save"]

    run()

    assert installation.client.info("persistence")["rdb_changes_since_last_save"] == changes


def test_a_terminal_shows_advice_below_each_finding(
    installation: Installation, use: Callable[[Changes], None]
) -> None:
    use(broken.no_worker(installation))

    done = run()

    assert "failure  workers      No worker is alive: no task runs.\n" in done.stdout
    assert "\n                      → Start one: task-manager worker\n" in done.stdout
    assert done.stdout.endswith("\n1 failed, 0 with a warning.\n")


def test_the_help_has_an_example() -> None:
    assert "task-manager doctor --json" in run("--help").stdout
