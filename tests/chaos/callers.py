"""Random clients of the API. They use every call and member, and note each wrong response."""

import contextlib
import json
import random
import threading
import time
import uuid
from collections import Counter
from collections.abc import Callable
from typing import Any

import requests

from tests.chaos.background import Background
from tests.chaos.random_task import QUEUES, Body, moment, random_task
from tests.chaos.site import Site

PAUSE_SECONDS = 0.05
ALLOWED = {200, 202, 204, 304, 404, 409, 412, 503}
"""Every request is valid, so 400, 422 and 500 are faults.

The faults around a 503 explain it or not.
"""
REMEMBERED = 400
"""Task ids that a caller goes on to use; older ones are forgotten."""


class Callers(Background):
    """Send random requests from some threads for as long as the context is entered."""

    def __init__(self, site: Site, callback_url: str, *, threads: int, seed: int) -> None:
        self.calls: Counter[str] = Counter()
        self.refusals: list[tuple[float, str, str]] = []
        """Responses with 503 and broken connections: the moment, the call, the reason."""
        self.faults: list[str] = []
        """Responses that no valid request may get."""
        self.deleted: set[str] = set()
        """Ids of tasks that a caller asked to delete; the response may have been lost."""
        self.failing: set[str] = set()
        """Ids of tasks whose work raises an exception."""
        seeds = range(seed, seed + threads)
        super().__init__([Caller(self, site, callback_url, each).run for each in seeds])


class Caller:
    """One client with its own connection and its own dice."""

    def __init__(self, all_callers: Callers, site: Site, callback_url: str, seed: int) -> None:
        self._all, self._site, self._callback_url = all_callers, site, callback_url
        self._dice = random.Random(seed)
        self._session = requests.Session()
        self._ids: list[str] = []
        self._keys: list[tuple[str, Body, str]] = []
        self._etags: dict[str, str] = {}

    def run(self, ended: threading.Event) -> None:
        calls = self._weighted_calls()
        while not ended.wait(self._dice.uniform(0, 2 * PAUSE_SECONDS)):
            call = self._dice.choice(calls)
            name = call.__name__.removeprefix("_")
            self._all.calls[name] += 1
            try:
                call()
            except requests.RequestException as error:
                reason = type(error).__name__
                self._all.refusals.append((time.monotonic(), name, reason))

    def _weighted_calls(self) -> list[Callable[[], None]]:
        often = {
            self._submit: 8,
            self._get: 3,
            self._list: 2,
            self._patch: 2,
            self._cancel: 2,
            self._retry: 2,
        }
        seldom = (
            self._batch,
            self._submit_again,
            self._wait,
            self._put,
            self._delete,
            self._act,
            self._act_on_filter,
            self._logs,
            self._deliveries,
            self._pause_and_resume,
            self._overview,
            self._stream_one,
        )
        return [call for call, weight in often.items() for _ in range(weight)] + [*seldom]

    def _submit(self) -> None:
        headers = {}
        body = random_task(self._dice, self._callback_url)
        if self._dice.random() < 0.3:
            headers["Idempotency-Key"] = str(uuid.UUID(int=self._dice.getrandbits(128)))
        response = self._request("POST", "/tasks", json=body, headers=headers)
        if response.status_code == 202:
            task_id = response.json()["task_id"]
            self._accept([task_id], [body])
            if headers:
                self._keys.append((headers["Idempotency-Key"], body, task_id))

    def _submit_again(self) -> None:
        """Repeat a submit under its Idempotency-Key. A response with another task is a fault."""
        if not self._keys:
            return
        key, body, task_id = self._dice.choice(self._keys[-REMEMBERED:])
        response = self._request("POST", "/tasks", json=body, headers={"Idempotency-Key": key})
        if response.status_code == 202 and response.json()["task_id"] != task_id:
            self._all.faults.append(f"Idempotency-Key {key} made a second task")

    def _batch(self) -> None:
        bodies = [
            random_task(self._dice, self._callback_url) for _ in range(self._dice.randint(1, 30))
        ]
        response = self._request("POST", "/tasks/batch", json={"tasks": bodies})
        if response.status_code == 202:
            self._accept([task["task_id"] for task in response.json()["tasks"]], bodies)

    def _get(self) -> None:
        if task_id := self._some_id():
            known = {"If-None-Match": self._etags[task_id]} if task_id in self._etags else {}
            response = self._request("GET", f"/tasks/{task_id}", headers=known)
            if "ETag" in response.headers:
                self._etags[task_id] = response.headers["ETag"]

    def _wait(self) -> None:
        if task_id := self._some_id():
            self._request("GET", f"/tasks/{task_id}", headers={"Prefer": "wait=2"})

    def _list(self) -> None:
        some = {
            "status": "QUEUED,FAILED", "type": "sleep", "queue": self._dice.choice(QUEUES),
            "label.team": "a", "submitted_after": moment(-60), "task_name": "soak",
            "submitted_before": moment(5), "q": "soak",
        }  # fmt: skip
        names = self._dice.sample(sorted(some), self._dice.randint(0, 3))
        filters = {name: some[name] for name in names}
        filters["sort"] = self._dice.choice(["submitted_at", "-submitted_at"])
        filters["page_size"] = str(self._dice.randint(1, 100))
        response = self._request("GET", "/tasks", params=filters)
        if response.ok and (cursor := response.json()["pagination"].get("next_cursor")):
            self._request("GET", "/tasks", params={**filters, "cursor": cursor})

    def _patch(self) -> None:
        if task_id := self._some_id():
            changes: Body = {
                "task_name": "soak, renamed", "labels": {"team": self._dice.choice(["a", None])},
                "priority": self._dice.randint(0, 9), "queue": self._dice.choice(QUEUES),
                "run_at": moment(self._dice.uniform(-1, 3)), "expires_at": None,
                "timeout": self._dice.randint(1, 10), "retry": {"max_attempts": 2},
                "callback_url": None,
            }  # fmt: skip
            names = self._dice.sample(sorted(changes), self._dice.randint(1, 3))
            headers = {"If-Match": f'"{self._dice.randint(1, 4)}"'}
            body = {name: changes[name] for name in names}
            if "run_at" in body:
                body["expires_at"] = None
            self._request(
                "PATCH", f"/tasks/{task_id}", json=body,
                headers=headers if self._dice.random() < 0.3 else {},
            )  # fmt: skip

    def _put(self) -> None:
        if task_id := self._some_id():
            body = random_task(self._dice, self._callback_url)
            response = self._request("PUT", f"/tasks/{task_id}", json=body)
            if response.ok or response.status_code == 503:
                self._note_failing(task_id, body)

    def _cancel(self) -> None:
        if task_id := self._some_id():
            self._request("POST", f"/tasks/{task_id}/cancel")

    def _retry(self) -> None:
        if task_id := self._some_id():
            self._request("POST", f"/tasks/{task_id}/retry")

    def _delete(self) -> None:
        if task_id := self._some_id():
            self._all.deleted.add(task_id)
            cancel = self._dice.choice(["?cancel=true", ""])
            self._request("DELETE", f"/tasks/{task_id}{cancel}")

    def _act(self) -> None:
        if not self._ids:
            return
        action = self._dice.choice(["cancel", "retry", "delete"])
        ids = self._dice.sample(self._ids, min(len(self._ids), 10))
        if action == "delete":
            self._all.deleted.update(ids)
        self._request("POST", "/tasks/actions", json={"action": action, "ids": ids})

    def _act_on_filter(self) -> None:
        wanted = {"status": ["FAILED", "EXPIRED"], "queue": self._dice.choice(QUEUES)}
        body = {"action": "retry", "filter": wanted, "dry_run": self._dice.random() < 0.7}
        self._request("POST", "/tasks/actions", json=body)

    def _logs(self) -> None:
        if task_id := self._some_id():
            self._request("GET", f"/tasks/{task_id}/logs")

    def _deliveries(self) -> None:
        if task_id := self._some_id():
            response = self._request("GET", f"/tasks/{task_id}/deliveries")
            if response.ok and (deliveries := response.json()["deliveries"]):
                number = deliveries[-1]["number"]
                self._request("POST", f"/tasks/{task_id}/deliveries/{number}/resend")

    def _pause_and_resume(self) -> None:
        """Pause a queue for a moment, then resume it."""
        queue = self._dice.choice(QUEUES)
        self._request("POST", f"/queues/{queue}/pause")
        time.sleep(self._dice.uniform(0, 0.5))
        self.resume(queue)

    def resume(self, queue: str) -> None:
        """Repeat the request until it is carried out, for at most 60 s."""
        until = time.monotonic() + 60
        while time.monotonic() < until:
            with contextlib.suppress(requests.RequestException):
                if self._request("POST", f"/queues/{queue}/resume").status_code in (200, 404):
                    return
            time.sleep(PAUSE_SECONDS)
        self._all.faults.append(f"queue {queue} could not be resumed for 60 s")

    def _overview(self) -> None:
        paths = ["/queues", "/workers", "/types", "/stats", "/openapi.json", "/docs"]
        method = self._dice.choice(["GET", "GET", "HEAD", "OPTIONS"])
        self._request(method, self._dice.choice(paths))

    def _stream_one(self) -> None:
        """Read a stream for a moment, as a browser that goes away does."""
        path = self._dice.choice(["/events", "/events?queue=default&status=COMPLETED"])
        if (task_id := self._some_id()) and self._dice.random() < 0.5:
            path = f"/tasks/{task_id}/events"
        last = {"Last-Event-ID": f"{int(time.time() * 1000) - 2_000}-0"}
        headers = last if self._dice.random() < 0.5 else {}
        with self._request("GET", path, headers=headers, stream=True) as response:
            if response.ok:
                next(response.iter_lines(), None)

    def _some_id(self) -> str | None:
        return self._dice.choice(self._ids) if self._ids else None

    def _accept(self, ids: list[str], bodies: list[Body]) -> None:
        self._site.accepted += ids
        self._ids = [*self._ids, *ids][-REMEMBERED:]
        for task_id, body in zip(ids, bodies, strict=True):
            self._note_failing(task_id, body)

    def _note_failing(self, task_id: str, body: Body) -> None:
        if body["labels"]["do"] == "fail" or body.get("type") == "http":
            self._all.failing.add(task_id)

    def _request(self, method: str, path: str, **options: Any) -> requests.Response:
        response = self._session.request(method, self._site.url(path), timeout=30, **options)
        if response.status_code == 503:
            code = "" if method == "HEAD" else json.loads(response.content or b"{}").get("code")
            self._all.refusals.append((time.monotonic(), f"{method} {path}", f"503 {code}"))
        elif response.status_code not in ALLOWED:
            self._all.faults.append(
                f"{method} {path}: {response.status_code} {response.text[:300]!r}, "
                f"sent {str(options.get('json'))[:300]}"
            )
        return response
