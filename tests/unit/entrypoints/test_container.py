from dataclasses import replace

import pytest

from application.ports.task_repository import TaskRepository
from domain.errors import InvalidTaskSpec
from entrypoints.container import Container, build_container
from entrypoints.container.worker import build_worker
from tests.building import a_spec
from tests.unit.entrypoints.conftest import SETTINGS


@pytest.mark.parametrize("name", sorted(set(Container.providers) - {"settings", "run_tasks"}))
def test_everything_can_be_built_without_a_connection(name: str) -> None:
    build_container(SETTINGS).providers[name]()


def test_a_run_needs_the_name_of_its_process() -> None:
    assert build_container(SETTINGS).run_tasks(owner="host:1")


def test_a_worker_can_be_built_without_a_connection() -> None:
    assert build_worker(SETTINGS)


def test_the_repository_stands_behind_its_port() -> None:
    assert isinstance(build_container(SETTINGS).repository(), TaskRepository)


def test_in_production_callbacks_need_a_secret() -> None:
    production = replace(SETTINGS, env="production")
    spec = a_spec(callback_url="https://example.com/")

    with pytest.raises(InvalidTaskSpec, match="TASKS_CALLBACK_SECRET"):
        Container(settings=production).admission().admit(spec)

    Container(settings=replace(production, callback_secret="whsec_" + "A" * 40)).admission().admit(
        spec
    )
    Container(settings=SETTINGS).admission().admit(spec)
