"""Plain Celery on the same server, made as safe as its documentation says, for comparison."""

import os
import time
from typing import Any

from celery import Celery, signals

from tests.chaos.journal import JOURNAL, write_line

VISIBILITY_SECONDS = 10
"""Celery's own default is an hour."""

app = Celery("plain", broker=os.environ.get("CHAOS_BROKER", "memory://"))
app.conf.update(
    task_acks_late=True,
    task_reject_on_worker_lost=True,
    worker_prefetch_multiplier=1,
    broker_transport_options={"visibility_timeout": VISIBILITY_SECONDS},
    broker_connection_retry_on_startup=True,
    task_ignore_result=True,
)


class Descriptor:
    journal: int


@signals.worker_process_init.connect
def _open_journal(**_: Any) -> None:
    Descriptor.journal = os.open(os.environ[JOURNAL], os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    write_line(Descriptor.journal, "child")


@app.task(name="plain.sleep", bind=True)
def sleep(self: Any, seconds: float) -> None:
    what = {"task_id": self.request.id, "claim": 0, "attempt": 0}
    write_line(Descriptor.journal, "start", **what)
    time.sleep(seconds)
    write_line(Descriptor.journal, "end", how="returned", **what)
