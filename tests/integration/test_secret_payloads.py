"""Secret members of payloads, with real processes: nothing that they write repeats one."""

from pathlib import Path

import pytest
import redis

from adapters.redis.task_repository import RedisTaskRepository
from application.ports.task_leases import TaskLeases
from application.ports.task_repository import Change, PageRequest
from application.secret_members import MASK, unseal
from application.task_filter import EVERY_TASK
from entrypoints.container import Container
from tests.building import AN_ERROR
from tests.integration.archives import export, import_each
from tests.integration.functions import submit as submit_function
from tests.integration.processes import Api, ServiceProcess
from tests.integration.receiver import SECRET, Receiver
from tests.integration.workers import a_worker
from tests.storing import claim, stored, submit

HANDLERS = "tests.integration.secret_work"
NETWORKS = "127.0.0.1/32"
API_SETTINGS = {"http_workers": 1, "handlers": HANDLERS, "http_allowed_networks": NETWORKS}
PASSWORD, PIN = "hunter2-hunter2", 47110815
SECRETS = {"m": {"password": {"v": PASSWORD}}}


@pytest.mark.parametrize("type", ["log_in", "log_in_together"])
def test_a_run_that_tells_all_it_knows_leaves_no_secret_behind(
    api: Api, redis_url: str, receiver: Receiver, tmp_path: Path, type: str
) -> None:
    settings = {"handlers": HANDLERS, "http_allowed_networks": NETWORKS, "callback_secret": SECRET}
    maintenance = ServiceProcess(
        "maintenance", tmp_path / "maintenance.log", redis_url=redis_url, **settings
    )
    with a_worker(redis_url, tmp_path / "worker.log", **settings) as worker, maintenance:
        payload = {"user": "ada", "password": PASSWORD, "pin": PIN}
        task_id = submit_function(api, type, payload, callback_url=f"{receiver.url}/done")
        task = api.final(task_id)
        [callback] = receiver.wait_for(1)
        parts = ("", "/logs", "/attempts", "/history", "/deliveries")
        told = [api.request("GET", f"/tasks/{task_id}{part}").text for part in parts]
        headers = {"Last-Event-ID": "0-0"}
        told.append(api.request("GET", f"/tasks/{task_id}/events?logs=true", headers=headers).text)
        told += [callback.body.decode(), api.log.read_text(), worker.output, maintenance.output]

    masked = f"ada {MASK} {MASK}"
    assert task["status"] == "FAILED"
    assert task["payload"] == {"user": "ada", "password": MASK, "pin": MASK}
    assert task["error"]["message"] == f"PermissionError: {masked}"
    assert masked in told[1]
    for text in told:
        assert PASSWORD not in text
        assert str(PIN) not in text


def test_the_store_has_a_secret_in_the_record_of_its_task_alone(
    repository: RedisTaskRepository, leases: TaskLeases, client: redis.Redis
) -> None:
    payload = {"user": "ada", "password": MASK}
    task = submit(
        repository, type="t", payload=payload, secrets=SECRETS, callback_url="http://x.example/"
    )
    [listed] = repository.find(EVERY_TASK, PageRequest()).tasks
    renamed = Change(before=listed, after=listed.cancel(listed.submitted_at))
    assert listed.spec.secrets is None
    repository.save(renamed)
    again = stored(repository, task)
    assert again.spec.secrets == SECRETS, "a change of a task that was read without it keeps it"
    repository.save(Change(before=again, after=again.retry(again.submitted_at)))

    run = claim(leases)
    assert unseal(run.spec).payload == {"user": "ada", "password": PASSWORD}
    repository.save(Change(before=run, after=run.fail(AN_ERROR, run.started_at)))

    elsewhere = [
        client.xrange("tm:events"),
        *(client.hgetall(key) for key in client.scan_iter("tm:message:*")),
        *(client.lrange(key, 0, -1) for key in client.scan_iter("tm:history:*")),
    ]
    assert len(elsewhere) == 4
    assert PASSWORD not in repr(elsewhere)


def test_an_archive_keeps_secrets_for_the_runs_to_come(
    repository: RedisTaskRepository, container: Container, client: redis.Redis
) -> None:
    task = submit(repository, type="t", payload={"password": MASK}, secrets=SECRETS)
    ended = submit(
        repository,
        type="t",
        payload={"password": MASK},
        secrets=SECRETS,
        callback_url="http://x.example/",
    )
    repository.save(Change(before=ended, after=ended.cancel(ended.submitted_at)))
    lines = export(container)
    client.flushall()

    import_each(container, lines)

    assert unseal(stored(repository, task).spec).payload == {"password": PASSWORD}
    [copy] = client.scan_iter("tm:message:*")
    assert PASSWORD not in repr(client.hgetall(copy))
