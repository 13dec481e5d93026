"""A watch over a service under random faults. It finds what no fault explains."""

import json
import re
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Self

import redis
import requests

from tests.chaos.background import Background
from tests.chaos.site import Site
from tests.integration.processes import ServiceProcess

LOOK_SECONDS = 0.3
PROBE_SECONDS = 10.0
"""A probe that takes longer counts as failed. A busy machine alone does not take so long."""
SILENT_SECONDS = 12.0
"""A heartbeat that is older counts as silence; processes beat every 3 s."""
AFTERMATH_SECONDS = 15.0
"""Consequences of a fault may show so long after its end."""
RAW_ERROR = re.compile(r"^(Traceback|CRITICAL|ERROR)|\b(ERROR|CRITICAL)[:/]")


@dataclass(frozen=True)
class Fault:
    """A fault that was caused on purpose."""

    name: str
    touches: frozenset[str]
    """Parts of the service that may show it: `store`, `worker`, `child`, `maintenance`, `api`."""
    began: float
    ended: float


@dataclass(frozen=True)
class Incident:
    """A restart, an ERROR line, a failed probe: a person on call would ask about it."""

    at: float
    parts: frozenset[str]
    """A fault that touches one of these explains it."""
    text: str


class Watch(Background):
    """Probe the service from a thread of its own; judge at the end."""

    def __init__(self, site: Site) -> None:
        super().__init__([self._watch])
        self._site = site
        self.faults: list[Fault] = []
        self.incidents: list[Incident] = []
        self.probes = 0
        self._expected: dict[ServiceProcess, frozenset[str]] = {}
        self._api_children: set[int] = set()
        self._wall = time.time() - time.monotonic()

    def __enter__(self) -> Self:
        self._api_children = {child.pid for child in self._site.api.children()}
        return super().__enter__()

    def expect(self, process: ServiceProcess, part: str) -> None:
        """From now on this process must not end by itself."""
        self._expected[process] = frozenset({part})

    def release(self, process: ServiceProcess) -> None:
        """From now on this process may end. Notes an incident when it has ended already."""
        self._look_at(process)
        self._expected.pop(process, None)

    def cause(self, name: str, touches: Iterable[str], fault: Callable[[], None]) -> None:
        """Carry out a fault and remember when."""
        began = time.monotonic()
        fault()
        self.faults.append(Fault(name, frozenset(touches), began, time.monotonic()))

    def note(self, at: float, parts: Iterable[str], text: str) -> None:
        self.incidents.append(Incident(at, frozenset(parts), text))

    def unexplained(self) -> list[str]:
        """Return the incidents around which no fault touched the part that shows them."""
        return [
            f"{incident.text} ({self._moment(incident.at)})"
            for incident in sorted(self.incidents, key=lambda each: each.at)
            if not any(
                fault.touches & incident.parts
                and fault.began - 1 <= incident.at <= fault.ended + AFTERMATH_SECONDS
                for fault in self.faults
            )
        ]

    def read_logs(self, excused: Callable[[dict[str, Any]], bool]) -> None:
        """Note each line of ERROR or worse, and each death of a child that no log explains.

        `excused` tells of one decoded line whether the work itself asked for it.
        """
        killed: set[int] = set()
        for path in sorted(self._site.directory.glob("*.log")):
            part = path.stem.partition("-")[2]
            for at, line, members in self._lines(path):
                if members.get("action") in ("run_killed", "run_ended", "child_killed"):
                    killed.add(int(members.get("pid", 0)))
                level = str(members.get("level", "error" if RAW_ERROR.search(line) else ""))
                if level in ("error", "critical") and not excused(members):
                    self.note(
                        at,
                        {part, "store", "child"} - _unrelated(part),
                        f"{path.name}: {line[:400]}",
                    )
        for life in self._site.journal.lives:
            if life.died is not None and life.pid not in killed and life.died < self._until:
                self.note(life.died, {"child", "worker", "store"}, f"child {life.pid} died")

    def _watch(self, ended: threading.Event) -> None:
        with requests.Session() as session:
            while not ended.wait(LOOK_SECONDS):
                self.probes += 1
                self._probe(session, "/livez", {"api"})
                self._probe(session, "/readyz", {"api", "store"})
                self._look_at_processes()
                self._look_at_heartbeats()
        self._until = time.monotonic()

    def _probe(self, session: requests.Session, path: str, parts: set[str]) -> None:
        at = time.monotonic()
        try:
            response = session.get(self._site.url(path), timeout=PROBE_SECONDS)
        except requests.RequestException as error:
            self.note(at, parts, f"{path} failed: {type(error).__name__}")
            return
        if response.status_code != 200:
            self.note(at, parts, f"{path} responded {response.status_code}")

    def _look_at_processes(self) -> None:
        now = time.monotonic()
        for process in list(self._expected):
            self._look_at(process)
        children = {child.pid for child in self._site.api.children()}
        if children != self._api_children:
            self.note(now, {"api"}, f"API processes changed: {self._api_children} to {children}")
            self._api_children = children

    def _look_at(self, process: ServiceProcess) -> None:
        code = process.process.poll()
        if code is not None and (parts := self._expected.pop(process, None)):
            self.note(
                time.monotonic(), parts, f"{' '.join(parts)} ended by itself with code {code}"
            )

    def _look_at_heartbeats(self) -> None:
        """Read the heartbeats as the health checks do. Notes nothing while the store is away."""
        client = self._site.server.client
        for role in ("worker", "maintenance"):
            try:
                now = client.time()
                newest = client.zrange(f"tm:alive:{role}", -1, -1, withscores=True)
            except redis.RedisError:
                return
            age = now[0] - newest[0][1] / 1000 if newest else float("inf")
            if age > SILENT_SECONDS:
                self.note(
                    time.monotonic(), {role, "store"}, f"no heartbeat of a {role} for {age:.0f} s"
                )

    def _lines(self, path: Path) -> Iterator[tuple[float, str, dict[str, Any]]]:
        """Yield each line with its moment. One that is not JSON has that of the line before."""
        at = 0.0
        for line in path.read_text(errors="replace").splitlines():
            try:
                members = json.loads(line)
                moment = datetime.fromisoformat(members["timestamp"]).timestamp()
                at = moment - self._wall
            except (ValueError, KeyError, TypeError):
                members = {}
            yield at, line, members

    def _moment(self, at: float) -> str:
        return time.strftime("%H:%M:%S", time.gmtime(at + self._wall))


def _unrelated(part: str) -> set[str]:
    """Return the parts whose faults do not excuse an error of this one."""
    return set() if part == "worker" else {"child"}
