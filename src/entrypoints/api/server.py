"""The HTTP server: gunicorn with gevent workers, each of which holds thousands of slow clients."""

import gc
import logging
import resource
from contextlib import suppress
from typing import Any

import gevent
from flask import Flask
from gevent.local import local
from gunicorn.app.base import BaseApplication
from gunicorn.glogging import Logger
from gunicorn.http.body import ChunkedReader
from gunicorn.http.parser import RequestParser
from gunicorn.http.unreader import SocketUnreader
from gunicorn.workers.ggevent import GeventWorker

from entrypoints.api.app import create_app
from entrypoints.api.concurrency.batch_line import BatchPace
from entrypoints.api.concurrency.bounded_head import BoundedRequest
from entrypoints.api.concurrency.capacity import MIN_DESCRIPTORS, Capacity
from entrypoints.api.concurrency.chunked_body import BoundedChunks
from entrypoints.api.concurrency.client_socket import ClientSocket
from entrypoints.api.concurrency.connections import (
    MAX_WAITING_BYTES,
    READ_BYTES,
    Connection,
    PacedBody,
    PendingConnections,
    TimedBody,
    has_more,
)
from entrypoints.api.concurrency.cooperation import let_others_run
from entrypoints.api.origins import ANY_HOST
from entrypoints.api.problems.codes import code_of_status
from entrypoints.api.problems.responses import raw_problem_response
from entrypoints.api.traffic import Traffic
from entrypoints.container import build_container
from entrypoints.http_address import require_free_address
from entrypoints.settings import InvalidSettings, Settings, authority, is_loopback

MAX_REQUEST_LINE_BYTES = 8_190
BATCH_PATH = "/tasks/batch"
HEAD_SECONDS = 10
"""Time for which a connection may have no request, and for which a head may arrive.

gunicorn's own limit of 2 s ends connections that a browser on a busy machine has just opened, and
that the pool of a client is about to use.
"""
ON_THE_WAY_SECONDS = 0.5
"""Time in which a request that was sent before the stop arrives. gunicorn looks after a second."""
LARGEST_BODIES = 8
"""Number of bodies of the largest size that may arrive at a process at the same time."""
MACOS_OPEN_FILES = 10_240
"""OPEN_MAX of macOS, which refuses a higher limit on open files."""

logger = logging.getLogger(__name__)


class ApiLogger(Logger):  # type: ignore[misc]  # gunicorn has no types
    """A logger that sends gunicorn's errors through the service's log.

    They quote requests, and the service's log escapes control characters.
    """

    def setup(self, cfg: Any) -> None:
        super().setup(cfg)
        self.error_log.handlers.clear()
        self.error_log.propagate = True


class ApiWorker(GeventWorker):  # type: ignore[misc]  # gunicorn has no types
    """A gunicorn worker that limits the connections that wait for their client.

    gunicorn ends a head that takes more than HEAD_SECONDS, but does not limit bodies, idle
    clients, and clients that take no response. Open streams and idle connections would delay the
    shutdown, so they end as soon as it begins.
    """

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        settings: Settings = self.app.settings
        self._body_seconds = settings.http_body_seconds
        self._pending = PendingConnections(
            self.app.capacity.pending,
            settings.http_pending_per_client,
            max(MAX_WAITING_BYTES, LARGEST_BODIES * settings.max_batch_bytes),
        )
        self._traffic: Traffic | None = None
        self._mine = local()
        """Holds the connection of the current greenlet."""

    def load_wsgi(self) -> None:
        """Take the application over, after the fork."""
        super().load_wsgi()
        # gunicorn looks its settings up some twenty times in each request, through __getattr__.
        self.cfg.__dict__.update({name: each.get() for name, each in self.cfg.settings.items()})
        self.wsgi.extensions["container"].tracer().start()
        # START_SECONDS count from the start of the process
        self.wsgi.extensions["container"].warn_about_queues()
        self._traffic = self.wsgi.extensions["traffic"]

    def run(self) -> None:
        """Serve until the shutdown, and send what waits to be sent then."""
        try:
            super().run()
        finally:
            self.wsgi.extensions["container"].tracer().stop()

    def handle(self, listener: Any, client: Any, addr: Any) -> None:
        """Serve a connection until it ends."""
        connection = self._mine.connection = Connection(client, addr)
        try:
            super().handle(
                listener, ClientSocket(client, connection=connection, pending=self._pending), addr
            )
        finally:
            self._pending.discard(connection)

    def timeout_ctx(self) -> Any:
        """Return the deadline of the next head. The connection is pending until it arrives."""
        self._pending.add(self._mine.connection)
        self._mine.connection.awaits_head = True
        return super().timeout_ctx()

    def handle_request(self, listener_name: Any, req: Any, sock: Any, addr: Any) -> Any:
        """Serve a request whose head is complete. Its body may still be on the way."""
        if req.path != BATCH_PATH:
            self.app.batch_pace.note_other_request()
        reader, connection = req.body.reader, self._mine.connection
        connection.awaits_head = False
        if isinstance(reader, ChunkedReader):
            reader = req.body.reader = BoundedChunks(req, req.unreader)
        if has_more(reader):
            req.body.reader = TimedBody(req, connection, self._pending, self._body_seconds)
        else:
            # There is nothing to continue with, and the connection is not pending any more.
            req._expected_100_continue = False
            self._pending.discard(connection)
        sock.expect_head()
        try:
            return super().handle_request(listener_name, req, sock, addr)
        finally:
            req.body.reader = PacedBody(reader)
            sock.send_head()

    def handle_exit(self, sig: int, frame: Any) -> None:
        super().handle_exit(sig, frame)
        gevent.spawn(self._end_waits)

    def is_already_handled(self, respiter: Any) -> bool:
        """Return False, or end gunicorn's loop over a connection that a stream has taken over."""
        if super().is_already_handled(respiter):
            raise StopIteration
        self._pending.add(self._mine.connection)  # until the client has taken the response
        return False

    def handle_error(self, req: Any, client: Any, addr: Any, exc: BaseException) -> None:
        """Send problem details, instead of gunicorn's page, for bytes that are no valid request."""
        status = _StatusRecorder()
        super().handle_error(req, status, addr, exc)
        if status.recorded:
            if self._traffic:
                self._traffic.count_problem(code_of_status(status.recorded))
            with suppress(OSError):
                client.sendall(raw_problem_response(status.recorded, str(exc)))

    def _end_waits(self) -> None:
        self.wsgi.extensions["container"].event_stream().close()
        gevent.sleep(ON_THE_WAY_SECONDS)
        self._pending.close_idle()


# gunicorn has no settings for these. It would take up to a megabyte of a body at once.
RequestParser.mesg_class = BoundedRequest
SocketUnreader.max_body_chunk = READ_BYTES


class _StatusRecorder:
    """A stand-in for a connection that records the status of gunicorn's response."""

    recorded = 0

    def gettimeout(self) -> float:
        return 0.0

    def sendall(self, data: bytes) -> None:
        self.recorded = int(data.split(b" ", 2)[1])


class Server(BaseApplication):  # type: ignore[misc]  # gunicorn has no types
    def __init__(self, settings: Settings, capacity: Capacity) -> None:
        self.settings = settings
        self.capacity = capacity
        self.batch_pace = BatchPace()
        super().__init__()

    def load_config(self) -> None:
        options: dict[str, Any] = {
            "bind": authority(self.settings.http_host, self.settings.http_port),
            "workers": self.settings.http_workers,
            "worker_class": "entrypoints.api.server.ApiWorker",
            "worker_connections": self.capacity.connections,
            "keepalive": HEAD_SECONDS,
            "preload_app": True,
            "limit_request_line": MAX_REQUEST_LINE_BYTES,
            "graceful_timeout": self.settings.shutdown_grace_seconds,
            "control_socket_disable": True,
            # By default a client on this host may set the scheme, path and script name.
            "forwarded_allow_ips": "",
            "forwarder_headers": "",
            "secure_scheme_headers": {},
            "header_map": "drop",
            "proc_name": "task-manager-api",
            "logger_class": ApiLogger,
            "loglevel": "warning",
        }
        for name, value in options.items():
            self.cfg.set(name, value)

    def load(self) -> Flask:
        """Build the application, which connects to nothing.

        gunicorn calls this once, before the fork, so that its workers share the memory.
        """
        container = build_container(
            self.settings,
            fail_fast=True,
            share_connection=True,
            confirm_writes=True,
            cache_bytes=self.settings.http_cache_bytes,
            long_results_as_text=True,
            tells_callers_apart=self.settings.asks_for_keys,
            traced_as="api",
            let_others_run=let_others_run,
        )
        app = create_app(container, self.capacity, self.batch_pace)
        gc.collect()
        gc.freeze()  # else each full collection visits the permanent objects, which takes 50 ms
        return app


def serve(settings: Settings) -> None:
    """Serve until SIGTERM or SIGINT.

    Raises InvalidSettings when the address is not available or the limit on open files is too low.
    """
    settings.require_redis()
    require_free_address(settings)
    # gevent would store where each greenlet was spawned, which takes a tenth of a stream's memory.
    gevent.config.track_greenlet_tree = False
    if ANY_HOST in settings.http_allowed_hosts:
        logger.warning(
            "TASKS_HTTP_ALLOWED_HOSTS is *: any web page that a browser on this network opens "
            "can reach the API by DNS rebinding. Name the hosts instead.",
            extra={"action": "any_host_allowed"},
        )
    if not settings.asks_for_keys and not is_loopback(settings.http_host):
        logger.warning(
            "TASKS_AUTH is none, and the API listens on %s: whoever reaches this port may read, "
            "change and delete every task. Set TASKS_AUTH=keys unless a firewall or proxy decides "
            "who reaches it.",
            settings.http_host,
            extra={"action": "no_keys"},
        )
    Server(settings, Capacity.of(_allowed_files())).run()


def _allowed_files() -> int:
    """Raise the limit on open files as far as possible and return it.

    Raises InvalidSettings when it stays below MIN_DESCRIPTORS.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    for wanted in (hard, MACOS_OPEN_FILES):
        if soft < wanted <= hard:
            with suppress(ValueError, OSError):
                resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
                soft = wanted
    if soft < MIN_DESCRIPTORS:
        raise InvalidSettings(
            [
                f"The limit on open files (ulimit -n) is {soft}; the API needs at least "
                f"{MIN_DESCRIPTORS}. Raise it."
            ]
        )
    return soft
