"""The Compose files mean what they should, as Docker Compose reads them."""

import re
from pathlib import Path
from typing import Any

import pytest

from tests.integration.compose import (
    ROOT,
    ROOT_DEVELOPMENT,
    ROOT_PRODUCTION,
    configuration,
    run,
    skip_without_compose,
)

skip_without_compose()

pytestmark = [pytest.mark.docker, pytest.mark.timeout(600)]


@pytest.fixture(
    params=[
        pytest.param(ROOT_DEVELOPMENT, id="development"),
        pytest.param(ROOT_PRODUCTION, id="production"),
    ]
)
def services(request: pytest.FixtureRequest) -> dict[str, Any]:
    """Return the services that keep running."""
    found: dict[str, Any] = configuration(*request.param, TASKS_HTTP_PORT="5999")["services"]
    found.pop("secrets", None)
    return found


@pytest.mark.parametrize(("target", "files"), [("up", ROOT_DEVELOPMENT), ("prod", ROOT_PRODUCTION)])
def test_make_starts_the_stack_of_the_root_command(target: str, files: tuple[Path, ...]) -> None:
    [command] = [line for line in run("make", "--dry-run", target).splitlines() if " up " in line]
    arguments = command.partition(" up ")[0].split()[2:]

    assert configuration(ROOT, *arguments) == configuration(*files)


@pytest.mark.parametrize("target", ["up", "prod", "down", "prod-down", "logs"])
def test_make_takes_a_compose_file_of_the_user_after_its_own(target: str) -> None:
    lines = run("make", "--dry-run", target, "WITH=shop.yml").splitlines()

    commands = [line for line in lines if line.startswith("docker compose")]
    assert commands
    assert all(
        re.match(r"docker compose( -f docker-compose\.\S+){2} -f shop\.yml ", line)
        for line in commands
    )


def test_every_service_has_a_health_check_and_comes_back_after_a_crash(
    services: dict[str, Any],
) -> None:
    assert set(services) == {"redis", "api", "worker", "maintenance"}
    for service in services.values():
        assert service["healthcheck"]["test"]
        assert service["restart"] == "unless-stopped"


def test_only_the_port_of_the_api_is_published_and_only_to_this_machine(
    services: dict[str, Any],
) -> None:
    published = {
        name: service["ports"] for name, service in services.items() if service.get("ports")
    }
    assert set(published) == {"api"}
    (port,) = published["api"]
    assert (port["host_ip"], port["published"], port["target"]) == ("127.0.0.1", "5999", 5000)


def test_no_service_can_write_to_its_image_or_gain_rights(services: dict[str, Any]) -> None:
    for service in services.values():
        assert service["read_only"]
        assert service["cap_drop"] == ["ALL"]
        assert service["security_opt"] == ["no-new-privileges:true"]


def test_every_service_may_stop_for_longer_than_its_tasks_have_for_finishing(
    services: dict[str, Any],
) -> None:
    for name in ("api", "worker", "maintenance"):
        grace = int(services[name]["environment"]["TASKS_SHUTDOWN_GRACE_SECONDS"])
        assert int(services[name]["stop_grace_period"].removesuffix("s")) >= grace + 5


@pytest.mark.parametrize("files", [ROOT_DEVELOPMENT, ROOT_PRODUCTION], ids=["dev", "prod"])
def test_the_profile_adds_prometheus_and_grafana_with_the_same_limits(
    files: tuple[Path, ...],
) -> None:
    usual = configuration(*files)["services"]
    everything = configuration(*files, "--profile", "observability")["services"]

    added = {name: each for name, each in everything.items() if name not in usual}
    assert set(added) == {"prometheus", "grafana", "metrics-key"}
    key = added.pop("metrics-key")
    assert (key["read_only"], key["cap_drop"], key["restart"]) == (True, ["ALL"], "no")
    for service in added.values():
        assert service["healthcheck"]["test"]
        assert service["restart"] == "unless-stopped"
        assert service["read_only"]
        assert service["cap_drop"] == ["ALL"]
        assert int(service["mem_limit"]) > 0
        assert {"max-size", "max-file"} <= set(service["logging"]["options"])
        assert [port["host_ip"] for port in service["ports"]] == ["127.0.0.1"]
        mounts = [mount for mount in service["volumes"] if mount["type"] == "bind"]
        assert mounts
        assert all(Path(mount["source"]).exists() and mount["read_only"] for mount in mounts)


def test_the_development_stack_runs_the_source_of_this_directory() -> None:
    services = configuration(*ROOT_DEVELOPMENT)["services"]
    for name in ("api", "worker", "maintenance"):
        mounts = [mount for mount in services[name]["volumes"] if mount["type"] == "bind"]
        assert [(mount["source"], mount["target"], mount["read_only"]) for mount in mounts] == [
            (str(ROOT / folder), f"/app/{folder}", True) for folder in ("src", "handlers")
        ]


def test_every_production_service_has_a_memory_limit_and_rotates_its_log() -> None:
    for service in configuration(*ROOT_PRODUCTION)["services"].values():
        assert int(service["mem_limit"]) > 0
        assert {"max-size", "max-file"} <= set(service["logging"]["options"])
        assert "container_name" not in service
