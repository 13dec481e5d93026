"""The interactive documentation in a real browser: each operation works as it is prefilled."""

import json
import os
from collections.abc import Iterator
from datetime import timedelta

import pytest

from adapters.redis.outbox import RedisOutbox
from adapters.redis.store import RedisStore
from domain.webhook import DeliveryAttempt
from tests.integration.browser import INSTALL, Browser, installed_browser
from tests.integration.processes import Api
from tests.integration.waiting import wait_until

pytestmark = pytest.mark.slow

API_SETTINGS = {"http_workers": 1}
URL = "https://example.com/told"
EXPECTED = {
    "submitTask": 202,
    "listTasks": 200,
    "countTasks": 200,
    "getTask": 200,
    "updateTask": 200,
    "replaceTask": 200,
    "getTaskLog": 200,
    "listAttempts": 200,
    "getHistory": 200,
    "followTask": 200,
    "createLink": 409,
    "cancelTask": 200,
    "retryTask": 202,
    "deleteTask": 204,
    "submitBatch": 202,
    "actOnTasks": 200,
    "followTasks": 200,
    "putSchedule": 201,
    "listSchedules": 200,
    "previewSchedule": 200,
    "getSchedule": 200,
    "updateSchedule": 200,
    "pauseSchedule": 200,
    "resumeSchedule": 200,
    "runSchedule": 202,
    "deleteSchedule": 204,
    "listQueues": 200,
    "pauseQueue": 200,
    "resumeQueue": 200,
    "getScaling": 200,
    "listWorkers": 200,
    "listTypes": 200,
    "getStatistics": 200,
    "getStatisticsSeries": 200,
    "getSession": 200,
    "openSession": 409,
    "endSession": 409,
    "listKeys": 409,
    "createKey": 409,
    "rotateKey": 409,
    "revokeKey": 409,
    "getLiveness": 200,
    "getReadiness": 200,
    "getMetrics": 200,
    "listDeliveries": 200,
    "listAllDeliveries": 200,
    "resendDelivery": 202,
    "removeQueue": 409,
}
"""The status of each operation, in an order in which each finds a suitable task.

The queue that is filled in holds tasks, so its removal is refused. The service asks nobody for a
key, so it manages none.
"""
TRY_OUT = """
(async () => {
  const until = async found => {
    for (let tries = 0; tries < 4500; tries += 1) {
      const value = found();
      if (value) return value;
      await new Promise(done => setTimeout(done, 20));
    }
  };
  const block = await until(() => document.querySelector('[id$="-%(operation)s"].opblock'));
  block.querySelector(".opblock-summary-control").click();
  (await until(() => block.querySelector(".try-out__btn"))).click();
  const inputs = () => [...block.querySelectorAll("tr[data-param-in=path] input")];
  const filled = () => inputs().every(input => input.value);
  await until(() => block.querySelector(".btn.execute") && filled());
  block.querySelector(".btn.execute").click();
  const shown = ".live-responses-table tbody .response-col_status";
  const status = await until(() => block.querySelector(shown)?.innerText);
  const curl = block.querySelector(".curl-command")?.innerText ?? "";
  block.querySelector(".opblock-summary-control").click();
  return [parseInt(status), curl];
})()
"""


SHOWN_AT_ONCE = 6
"""Operations of one page. Swagger UI reads the whole document for each of them: all of them on one
page took twice as long."""
SHOW_ONLY = """
const load = fetch;
globalThis.fetch = async (resource, ...options) => {
  const response = await load(resource, ...options);
  if (!String(resource.url ?? resource).endsWith("/openapi.json")) return response;
  const shown = %(operations)s, document = await response.json();
  for (const operations of Object.values(document.paths)) {
    for (const [method, { operationId }] of Object.entries(operations)) {
      if (operationId && !shown.includes(operationId)) delete operations[method];
    }
  }
  const { headers } = response;
  const part = new Response(JSON.stringify(document), { headers });
  Object.defineProperty(part, "url", { value: response.url });
  return part;
};
"""


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    program = installed_browser()
    if program is None:
        pytest.fail(INSTALL) if os.environ.get("CI") == "true" else pytest.skip(INSTALL)
    with Browser(program, tmp_path_factory.mktemp("browser")) as browser:
        yield browser


@pytest.mark.long
@pytest.mark.timeout(600)
def test_each_operation_works_as_the_page_prefills_it(
    browser: Browser, api: Api, redis_store: RedisStore
) -> None:
    document = api.request("GET", "/openapi.json").json()
    operations = {operation["operationId"] for item in document["paths"].values()
                  for operation in item.values() if isinstance(operation, dict)}  # fmt: skip
    assert operations == EXPECTED.keys()
    seen, left = {}, list(EXPECTED)
    while left:
        shown, left = left[:SHOWN_AT_ONCE], left[SHOWN_AT_ONCE:]
        with browser.before_each_page(SHOW_ONLY % {"operations": json.dumps(shown)}):
            browser.open(f"http://127.0.0.1:{api.port}/docs")
            for operation in shown:
                if operation == "listDeliveries":
                    deliver(api, redis_store)
                seen[operation] = browser.run(TRY_OUT % {"operation": operation})

    assert {operation: status for operation, (status, _) in seen.items()} == EXPECTED, json.dumps(
        seen, indent=1
    )
    sent = "\n".join(curl for _, curl in seen.values())
    for header in (
        "Idempotency-Key",
        "If-Match",
        "If-None-Match",
        "Prefer",
        "Last-Event-ID",
        "X-Request-ID",
    ):
        assert header not in sent
    assert (
        api.request("GET", "/tasks").json()["pagination"]["total_tasks"] == 2
    )  # those of the batch and of the schedule


def deliver(api: Api, redis_store: RedisStore) -> None:
    """Let the newest task, which the page fills in, have a delivery."""
    [task] = api.request("GET", "/tasks?sort=-submitted_at&page_size=1").json()["tasks"]
    url = task["links"]["self"]
    assert api.request("PATCH", url, json={"callback_url": URL}).status_code == 200
    assert api.request("POST", f"{url}/cancel").status_code == 200
    outbox = RedisOutbox(redis_store)
    [taken] = wait_until(lambda: list(outbox.lease(limit=1, duration=timedelta(minutes=1))))
    outbox.record_attempt(
        taken,
        DeliveryAttempt(at=taken.webhook.task.submitted_at, status=200, error=None, next_at=None),
    )
