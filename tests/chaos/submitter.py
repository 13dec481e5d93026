"""A load of submits beside a row."""

import threading

import requests

from tests.chaos.background import Background
from tests.chaos.site import Site


class Submitter(Background):
    """Submit through the API from some threads for as long as the context is entered."""

    def __init__(self, site: Site, threads: int = 2, ms: int = 5) -> None:
        super().__init__([self._submit] * threads)
        self._site, self._ms = site, ms
        self.refused = 0

    def _submit(self, ended: threading.Event) -> None:
        with requests.Session() as session:
            while not ended.is_set():
                try:
                    accepted = self._site.post(ms=self._ms, session=session).ok
                except requests.RequestException:
                    accepted = False
                if not accepted:
                    self.refused += 1
                ended.wait(0.005 if accepted else 0.02)
