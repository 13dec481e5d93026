"""Rows about callbacks: each end of a task is told at least once, whatever dies on the way."""

import contextlib
import threading
import time
from collections import Counter

from standardwebhooks import Webhook, WebhookVerificationError

from tests.chaos.faults import killed, redis_killed
from tests.chaos.row import Outcome, Run, row
from tests.chaos.site import Site, pause
from tests.integration.receiver import SECRET, Receiver, Request, Response
from tests.integration.waiting import wait_until

SETTINGS = {"http_allowed_networks": "127.0.0.1/32", "callback_secret": SECRET}
TAKEN_SECONDS = 30.0
"""The lease of a delivery: a message waits so long after the process that sends it died."""
PAUSE_SECONDS = 5.0
"""Between the first and the second attempt."""
MARGIN_SECONDS = 8.0


class Inbox:
    """A receiver that refuses the first attempt of every third message and may respond slowly."""

    def __init__(self, *, refusing: bool = True, slow: float = 0.0) -> None:
        self._lock = threading.Lock()
        self._refusing, self._slow = refusing, slow
        self._refused: set[str] = set()
        self.seen = 0
        self.taken: Counter[str] = Counter()
        """Number of responses with 200, by message id."""
        self.bodies: dict[str, set[bytes]] = {}
        self.unsigned = 0
        self.receiver = Receiver(respond=self._answer)

    @property
    def tasks(self) -> set[str]:
        """The ids of the tasks whose end was received, without hyphens."""
        return {message_id.split("_")[1] for message_id in self.taken}

    def _answer(self, request: Request) -> Response:
        time.sleep(self._slow)
        message_id = request.headers["webhook-id"]
        with self._lock:
            self.seen += 1
            self.bodies.setdefault(message_id, set()).add(request.body)
            try:
                Webhook(SECRET).verify(request.body, request.headers)
            except WebhookVerificationError:
                self.unsigned += 1
            if self._refusing and message_id not in self._refused and len(self.bodies) % 3 == 0:
                self._refused.add(message_id)
                return Response(503)
            self.taken[message_id] += 1
            return Response()


def flood_until_told(site: Site, inbox: Inbox, number: int, ms: int = 0) -> None:
    """Submit so many more tasks. Returns when an end is told: the moment for a fault."""
    site.flood(number, ms=ms, callback_url=inbox.receiver.url)
    seen = inbox.seen
    wait_until(lambda: inbox.seen > seen, 60)


def judge(outcome: Outcome, site: Site, inbox: Inbox, seconds: float) -> None:
    """Wait until the end of every accepted task is told; expect one signed message for each."""
    wanted = {task_id.replace("-", "") for task_id in site.accepted}
    with contextlib.suppress(AssertionError):
        wait_until(lambda: wanted <= inbox.tasks, seconds)
    told = inbox.tasks
    outcome.expect(
        wanted == told, f"{len(wanted - told)} tasks told nobody, {len(told - wanted)} are unknown"
    )
    outcome.expect(
        len(inbox.bodies) == len(wanted), f"{len(inbox.bodies)} messages of {len(wanted)} ends"
    )
    outcome.expect(
        all(len(bodies) == 1 for bodies in inbox.bodies.values()),
        "a message changed between two attempts",
    )
    outcome.expect(not inbox.unsigned, f"{inbox.unsigned} signatures did not verify")
    again = sum(inbox.taken.values()) - len(inbox.taken)
    outcome.notes.append(f"{len(wanted)} ends told, {inbox.seen} requests, {again} delivered twice")


@row("F-31", "kill -9 of maintenance while callbacks are sent; every third is refused once")
def killed_while_sending(run: Run) -> Outcome:
    outcome = Outcome(repetitions=run.times(20))
    inbox = Inbox(slow=0.05)
    with inbox.receiver, run.site() as site:
        site.with_worker(2)
        maintenance = site.with_maintenance(**SETTINGS)
        for number in range(outcome.repetitions):
            flood_until_told(site, inbox, 40)
            pause(0, 0.3)
            with killed(maintenance):
                run.say(f"{number + 1} of {outcome.repetitions} killed")
        outcome.settle(site, 60)
        judge(outcome, site, inbox, TAKEN_SECONDS + PAUSE_SECONDS + MARGIN_SECONDS * 2)
    return outcome


@row("F-32", "kill -9 of Redis while tasks end and tell of it; AOF always")
def redis_killed_while_telling(run: Run) -> Outcome:
    outcome = Outcome(repetitions=run.times(10))
    inbox = Inbox(refusing=False)
    with inbox.receiver, run.site(lease=5, fsync="always") as site:
        site.with_maintenance(**SETTINGS)
        site.with_worker(2)
        for number in range(outcome.repetitions):
            flood_until_told(site, inbox, 100, ms=5)
            pause(0, 0.2)
            with redis_killed(site.server):
                run.say(f"{number + 1} of {outcome.repetitions} killed")
        outcome.settle(site, 90)
        judge(outcome, site, inbox, TAKEN_SECONDS + PAUSE_SECONDS + MARGIN_SECONDS * 2)
    return outcome


@row(
    "F-33",
    "workers killed while their tasks end; two maintenances, no fault of theirs: no message twice",
)
def two_maintenances(run: Run) -> Outcome:
    outcome = Outcome(repetitions=run.times(10))
    inbox = Inbox(refusing=False)
    with inbox.receiver, run.site() as site:
        for _ in range(2):
            site.with_maintenance(**SETTINGS)
        worker = site.with_worker(2)
        for number in range(outcome.repetitions):
            flood_until_told(site, inbox, 100)
            with killed(worker):
                run.say(f"{number + 1} of {outcome.repetitions} killed")
        outcome.settle(site, 90)
        judge(outcome, site, inbox, MARGIN_SECONDS)
        twice = [message_id for message_id, times in inbox.taken.items() if times > 1]
        outcome.expect(not twice, f"{len(twice)} messages were sent twice")
    return outcome
