"""Python functions as tasks, run by a real worker; those of examples/ are among them."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import redis
from PIL import Image

from application.ports.run import MAX_LOG_BYTES
from tests.integration.functions import HANDLERS, log, run, submit
from tests.integration.processes import Api, ServiceProcess
from tests.integration.receiver import Receiver, Response
from tests.integration.waiting import wait_until

API_SETTINGS = {"http_workers": 1, "handlers": HANDLERS}


@pytest.fixture(scope="module")
def worker(
    redis_server_url: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[ServiceProcess]:
    """One worker for all tests: a task must not affect the next one."""
    folder = tmp_path_factory.mktemp("worker")
    settings: dict[str, Any] = {
        "redis_url": redis_server_url,
        "data_dir": folder / "state",
        "handlers": HANDLERS,
    }
    with ServiceProcess(
        "worker", folder / "worker.log", worker_concurrency=2, lease_seconds=3, **settings
    ) as worker:
        yield worker


def test_a_function_gets_its_payload_and_its_result_and_output_are_stored(
    api: Api, worker: ServiceProcess
) -> None:
    task = run(api, "greet", {"name": "Ada", "times": 2, "born": "1815-12-10"})

    assert (task["status"], task["payload"]) == (
        "COMPLETED",
        {"name": "Ada", "times": 2, "born": "1815-12-10"},
    )
    assert task["result"] == {"greeting": "Hello Ada! Hello Ada! ", "year": 1815}
    assert log(api, task) == ["greeting Ada"]
    assert "duration" not in task


def test_progress_and_log_are_published_during_the_run(
    api: Api, worker: ServiceProcess, client: redis.Redis
) -> None:
    task = run(api, "count_to", {"number": 3})

    told = [
        fields for _, fields in client.xrange("tm:events") if fields[b"event"] == b"task.progress"
    ]
    assert b'[1.0,"3"]' in told[-1][b"record"]
    assert "progress" not in task
    assert log(api, task) == [f"attempt 1 of {task['task_id']}: {number}" for number in (1, 2, 3)]


def test_an_exception_with_retry_false_is_final_at_once(api: Api, worker: ServiceProcess) -> None:
    task = run(api, "order", {"product": "tea"}, retry={"max_attempts": 5})

    assert (task["status"], task["attempt"]) == ("FAILED", 1)
    assert task["error"] == {"code": "handler_error", "message": "OutOfStock: tea"}
    assert log(api, task)[-2:] == [
        "tests.integration.work.OutOfStock: tea",
        "Attempt 1 failed: OutOfStock: tea; no attempt follows.",
    ]


def test_a_coroutine_cleans_up_when_it_is_cancelled(api: Api, worker: ServiceProcess) -> None:
    task_id = submit(api, "wait_politely")
    wait_until(lambda: log(api, {"task_id": task_id}) == ["waiting"])

    api.request("POST", f"/tasks/{task_id}/cancel")

    task = api.wait_for(task_id, "CANCELLED")
    assert log(api, task) == ["waiting", "cleaned up, cancelled: True"]


def test_a_log_of_long_lines_takes_about_a_megabyte_of_redis(
    api: Api, worker: ServiceProcess, client: redis.Redis
) -> None:
    task = run(api, "log_emoji", {"lines": 1_000})

    lines = log(api, task)
    assert lines[-1] == "999 " + "🥁" * 1_996
    assert [line[:3] for line in lines] == [
        f"{number:03}" for number in range(1_000 - len(lines), 1_000)
    ]
    (key,) = client.scan_iter("tm:log:*")
    assert MAX_LOG_BYTES / 2 < client.memory_usage(key, samples=0) < 1.2 * MAX_LOG_BYTES


def test_the_worker_survives_bad_work(api: Api, worker: ServiceProcess) -> None:
    ids = {
        name: submit(api, name, payload, **members)
        for name, payload, members in (
            ("print_megabytes", {"megabytes": 1_000}, {}),
            ("return_megabytes", {"megabytes": 100}, {}),
            ("never_end", {}, {"timeout": 1}),
            ("kill_itself", {}, {}),
            ("leave", {}, {}),
        )
    }
    ends = {name: api.final(task_id) for name, task_id in ids.items()}

    printed = log(api, ends["print_megabytes"])
    assert ends["print_megabytes"]["result"] == "printed"
    assert sum(map(len, printed)) > 1_000_000
    assert printed[-1] == "the end"
    assert printed[0] == "x" * 2_000 + "… (1 characters more)"
    assert ends["return_megabytes"]["error"]["message"] == (
        "The result has 100000002 bytes as JSON; 1048576 are allowed (TASKS_MAX_RESULT_BYTES). "
        "Store it elsewhere and return its location."
    )
    assert ends["never_end"]["error"]["code"] == "timeout"
    assert (ends["kill_itself"]["error"]["code"], ends["kill_itself"]["attempt"]) == (
        "worker_lost",
        4,
    )
    assert ends["leave"]["error"]["message"] == "SystemExit: goodbye"
    assert run(api, "greet", {"name": "Ada"})["status"] == "COMPLETED"
    assert worker.process.poll() is None


def test_unusable_handlers_stop_the_start(redis_url: str, tmp_path: Path) -> None:
    for command in ("api", "worker", "local"):
        log = tmp_path / f"{command}.log"
        with ServiceProcess(
            command, log, redis_url=redis_url, handlers="nowhere", http_port=1
        ) as process:
            assert process.exit_code() == 2
        assert (
            "TASKS_HANDLERS names nowhere: the module cannot be imported: ModuleNotFoundError"
            in process.output
        )


def test_a_report_is_built(api: Api, worker: ServiceProcess) -> None:
    orders = [
        {"day": "2026-11-24", "product": "tea", "pieces": 3, "price": 4.5},
        {"day": "2026-11-25", "product": "cups", "pieces": 2, "price": 7.25},
    ]
    task = run(api, "csv_report", {"orders": orders})

    assert task["result"] == {
        "csv": "day,product,pieces,price,sum\r\n"
        "2026-11-24,tea,3,4.5,13.5\r\n2026-11-25,cups,2,7.25,14.5\r\n",
        "rows": 2,
        "total": 28.0,
    }
    assert "progress" not in task


def test_a_thumbnail_is_made(api: Api, worker: ServiceProcess, tmp_path: Path) -> None:
    source, target = tmp_path / "picture.png", tmp_path / "small.png"
    Image.new("RGB", (800, 600), "red").save(source)

    task = run(api, "thumbnail", {"source": str(source), "target": str(target), "width": 200})

    assert task["result"] == {"path": str(target), "width": 200, "height": 150}
    with Image.open(target) as picture:
        assert picture.size == (200, 150)
    assert log(api, task) == [f"{source} is now 200 x 150"]


def test_a_file_that_is_not_a_picture_is_not_retried(
    api: Api, worker: ServiceProcess, tmp_path: Path
) -> None:
    source = tmp_path / "picture.png"
    source.write_text("no")

    task = run(api, "thumbnail", {"source": str(source), "target": "x"}, retry={"max_attempts": 3})

    assert (task["attempt"], task["error"]["message"]) == (
        1,
        f"NoPicture: {source} is not a picture",
    )


def test_a_slow_service_is_waited_for(api: Api, worker: ServiceProcess) -> None:
    job = {"id": 7, "state": "waiting", "done": 0.0, "ask_again_seconds": 0}
    ready = {"id": 7, "state": "ready", "done": 1.0, "url": "https://videos.example/7.mp4"}
    with Receiver(
        Response(body=job), Response(body={**job, "state": "rendering"}), Response(body=ready)
    ) as service:
        task = run(api, "render_video", {"service": service.url, "video": "holiday"})

    assert task["result"] == {"url": "https://videos.example/7.mp4"}
    assert [(request.method, request.path) for request in service.requests] == [
        *(("POST", "/renders"), ("GET", "/renders/7"), ("GET", "/renders/7")),
    ]
    assert service.requests[0].headers["idempotency-key"] == task["task_id"]


def test_an_answer_is_streamed_by_a_function_that_waits(api: Api, worker: ServiceProcess) -> None:
    answer = Response(body="one\ntwo\n", headers={"X-Expected-Lines": "2"})
    with Receiver(answer) as model:
        task = run(api, "ask_model", {"url": model.url, "prompt": "count"})
        [request] = model.requests

    assert (task["status"], task["result"]) == ("COMPLETED", "one\ntwo\n")
    assert (request.json, request.headers["idempotency-key"]) == (
        {"prompt": "count"},
        task["task_id"],
    )
    assert log(api, task) == ["2 lines"]
