"""Rows about keys that end while they are used."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import requests

from tests.chaos.row import Outcome, Run, row
from tests.chaos.site import Site, pause
from tests.integration.keyed import a_token, bearer
from tests.integration.waiting import wait_until

STREAMS, SUBMITTERS = 16, 4
DEAD_AFTER = 5.0
PATIENCE = 12.0
"""Seconds after the end of a key for which its users try again."""


@row("F-51", "a key is revoked while its streams, waits and submits run; two processes of the API")
def revoked_keys(run: Run) -> Outcome:
    """A recovery is the time from the revocation to the last thing that the key still got."""
    outcome = Outcome(repetitions=run.times(20), limit=DEAD_AFTER)
    with run.site() as site:
        site.with_api(http_workers=2, auth="keys")
        admin = bearer(a_token(site.server.url, "admin"))
        site.session.headers.update(admin)
        site.with_maintenance()
        site.with_worker(2)
        bystander = Stream(site, admin)
        for number in range(outcome.repetitions):
            outcome.recoveries.append(_revoke_in_use(site))
            run.say(f"{number + 1}: dead after {outcome.recoveries[-1]:.2f} s")
        outcome.expect(not bystander.has_ended, "the stream of another key ended")
        outcome.settle(site, 60)
        outcome.expect_crashes(site, 0)
        outcome.expect_one_run_each(site)
    return outcome


def _revoke_in_use(site: Site) -> float:
    """Return the seconds for which anything went on after the revocation."""
    body = {"name": "short-lived", "role": "operator"}
    created = site.session.post(site.url("/keys"), json=body, timeout=30).json()
    headers = bearer(created["token"])
    streams = [Stream(site, headers) for _ in range(STREAMS)]
    revoked = threading.Event()
    with ThreadPoolExecutor(SUBMITTERS) as pool:
        submitters = [pool.submit(_submit, site, headers, revoked) for _ in range(SUBMITTERS)]
        try:
            wait_until(lambda: all(stream.has_begun for stream in streams))
            pause(0, 4)
            began = time.monotonic()
            site.session.delete(site.url(f"/keys/{created['key_id']}"), timeout=30)
        finally:
            revoked.set()
        last = max(submitter.result() for submitter in submitters)
    wait_until(lambda: all(stream.has_ended for stream in streams))
    return max(last, *(stream.ended_at for stream in streams)) - began


def _submit(site: Site, headers: dict[str, str], revoked: threading.Event) -> float:
    """Submit over new connections, to whichever process. Returns the moment of the last success."""
    last, deadline = time.monotonic(), float("inf")
    while time.monotonic() < deadline:
        with requests.Session() as session:
            session.headers.update(headers)
            response = site.post(ms=5, session=session)
        if response.ok:
            last = time.monotonic()
        elif not (revoked.is_set() and response.status_code in {401, 429}):
            raise AssertionError(f"{response.status_code}: {response.text}")
        if revoked.is_set() and deadline == float("inf"):
            deadline = time.monotonic() + PATIENCE
        time.sleep(0.05)
    return last


class Stream:
    """A follower of all tasks. It notes when its stream ends."""

    def __init__(self, site: Site, headers: dict[str, str]) -> None:
        self._site = site
        self._headers = headers
        self.has_begun = False
        self.ended_at = float("inf")
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    @property
    def has_ended(self) -> bool:
        return not self._thread.is_alive()

    def _read(self) -> None:
        try:
            with requests.get(
                self._site.url("/events"), headers=self._headers, stream=True, timeout=60
            ) as stream:
                for _ in stream.iter_lines():
                    self.has_begun = True
        except requests.RequestException:
            pass  # closed by the service
        finally:
            self.ended_at = time.monotonic()
