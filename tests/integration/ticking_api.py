"""The API with a greenlet that ticks beside requests: `python -m tests.integration.ticking_api`.

GET /stalls responds with the longest CPU time between two ticks since the last call, which is how
long one request kept all others waiting; with the CPU time of a fixed loop, to compare it with; and
with the peak memory of the process. CPU time, since other processes of the machine must not count.
"""

from gevent import monkey

monkey.patch_all()

# ruff: noqa: E402 - the patch comes first
import os
import resource
import time
from typing import Any

import gevent
from flask import Flask, jsonify

from tests.integration.extended_api import serve_extended

TICK_SECONDS = 0.001


class Ticker:
    def __init__(self) -> None:
        self.longest = 0.0

    def run(self) -> None:
        before = time.process_time()
        while True:
            gevent.sleep(TICK_SECONDS)
            now = time.process_time()
            self.longest = max(self.longest, now - before)
            before = now

    def reset(self) -> float:
        longest, self.longest = self.longest, 0.0
        return longest


def fixed_loop() -> float:
    """Return the CPU seconds of a loop that took 100 ms on the machine of the API's limits."""
    began = time.process_time()
    sum(number % 7 for number in range(3_500_000))
    return time.process_time() - began


def with_ticks(app: Flask) -> Flask:
    ticker, reference = Ticker(), min(fixed_loop() for _ in range(3))
    gevent.spawn(ticker.run)

    def stalls() -> Any:
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
        return jsonify(stall=ticker.reset(), reference=reference, peak=peak, pid=os.getpid())

    app.add_url_rule("/stalls", view_func=stalls)
    return app


if __name__ == "__main__":
    serve_extended(with_ticks)
