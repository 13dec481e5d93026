"""Serves the API: gunicorn with gevent workers, each of which holds thousands of slow clients."""

import errno
import gc
import logging
import resource
import socket
from contextlib import suppress
from typing import Any

import gevent
from flask import Flask
from gevent.local import local
from gunicorn.app.base import BaseApplication
from gunicorn.glogging import Logger
from gunicorn.workers.ggevent import GeventWorker

from entrypoints.api.app import create_app
from entrypoints.api.capacity import LEAST_DESCRIPTORS, Capacity
from entrypoints.api.connections import Connection, PacedBody, PendingConnections, TimedBody, has_more
from entrypoints.api.cooperation import let_others_run
from entrypoints.api.origins import ANY_HOST
from entrypoints.api.problems import unread_problem
from entrypoints.container import build_container
from entrypoints.settings import InvalidSettings, Settings, authority

LONGEST_REQUEST_LINE = 8_190
MACOS_OPEN_FILES = 10_240
"""OPEN_MAX of macOS, which refuses a higher limit on open files."""


logger = logging.getLogger(__name__)


class ApiLogger(Logger):  # type: ignore[misc]  # gunicorn has no types
    """Gunicorn's errors quote what callers sent: they take the way of all logs, which escapes control characters."""

    def setup(self, cfg: Any) -> None:
        super().setup(cfg)
        self.error_log.handlers.clear()
        self.error_log.propagate = True


class ApiWorker(GeventWorker):  # type: ignore[misc]  # gunicorn has no types
    """A worker whose connections are bounded while they wait for their client.

    gunicorn ends a head that takes more than `keepalive` (2 s), and puts no bound on bodies and idle clients.
    Open streams would hold up the shutdown for the whole grace, so they end as soon as it begins.
    """

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        settings: Settings = self.app.settings
        self._body_seconds = settings.http_body_seconds
        self._pending = PendingConnections(self.app.capacity.pending, settings.http_pending_per_client)
        self._mine = local()
        """The connection of the greenlet."""

    def handle(self, listener: Any, client: Any, addr: Any) -> None:
        """Serve a connection until it ends."""
        connection = self._mine.connection = Connection(client, addr)
        try:
            super().handle(listener, client, addr)
        finally:
            self._pending.discard(connection)

    def timeout_ctx(self) -> Any:
        """Return the deadline of the next head, for which the connection waits now."""
        self._pending.add(self._mine.connection)
        return super().timeout_ctx()

    def handle_request(self, listener_name: Any, req: Any, sock: Any, addr: Any) -> Any:
        """Serve a request whose head is complete and whose body may still come."""
        reader, connection = req.body.reader, self._mine.connection
        if has_more(reader):
            req.body.reader = TimedBody(req, connection, self._pending, self._body_seconds)
        else:
            self._pending.discard(connection)
        try:
            return super().handle_request(listener_name, req, sock, addr)
        finally:
            req.body.reader = PacedBody(reader)

    def handle_exit(self, sig: int, frame: Any) -> None:
        super().handle_exit(sig, frame)
        gevent.spawn(self._end_streams)

    def is_already_handled(self, respiter: Any) -> bool:
        """A stream has the connection now: gunicorn must not wait for another request on it."""
        if super().is_already_handled(respiter):
            raise StopIteration
        self._pending.add(self._mine.connection)  # until the client has taken the response
        return False

    def handle_error(self, req: Any, client: Any, addr: Any, exc: BaseException) -> None:
        """What is refused before there is a request to answer is a problem like any other, not a page."""
        page = _Page()
        super().handle_error(req, page, addr, exc)
        if page.status:
            with suppress(OSError):
                client.sendall(unread_problem(page.status, str(exc)))

    def _end_streams(self) -> None:
        self.wsgi.extensions["container"].event_stream().close()


class _Page:
    """Takes the place of a connection and sees which status gunicorn would answer on it."""

    status = 0

    def gettimeout(self) -> float:
        return 0.0

    def sendall(self, data: bytes) -> None:
        self.status = int(data.split(b" ", 2)[1])


class Server(BaseApplication):  # type: ignore[misc]  # gunicorn has no types
    def __init__(self, settings: Settings, capacity: Capacity) -> None:
        self.settings = settings
        self.capacity = capacity
        super().__init__()

    def load_config(self) -> None:
        options: dict[str, Any] = {
            "bind": authority(self.settings.http_host, self.settings.http_port),
            "workers": self.settings.http_workers,
            "worker_class": "entrypoints.api.server.ApiWorker",
            "worker_connections": self.capacity.connections,
            "limit_request_line": LONGEST_REQUEST_LINE,
            "graceful_timeout": self.settings.shutdown_grace_seconds,
            "control_socket_disable": True,
            "forwarded_allow_ips": "",  # by default a client on this host may set scheme, path and script name
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
        """In each worker, after the fork."""
        container = build_container(self.settings, fail_fast=True, let_others_run=let_others_run)
        container.warn_about_queues()  # it counts the seconds from the start of the process
        app = create_app(container, self.capacity)
        gc.collect()
        gc.freeze()  # a large body triggers full collections, which would take 50 ms more for what is always there
        return app


def serve(settings: Settings) -> None:
    """Until SIGTERM or SIGINT. Raises InvalidSettings when the address cannot be had, or with few open files."""
    settings.require_redis()
    require_free_address(settings)
    if ANY_HOST in settings.http_allowed_hosts:
        logger.warning(
            "TASKS_HTTP_ALLOWED_HOSTS is *: any web page that a browser here opens can reach the API by DNS rebinding. "
            "Name the hosts instead.",
            extra={"action": "any_host_allowed"},
        )
    Server(settings, Capacity.of(_allowed_files())).run()


def _allowed_files() -> int:
    """Raise the limit on open files as far as possible and return it. Raises InvalidSettings below 128."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    for wanted in (hard, MACOS_OPEN_FILES):
        if soft < wanted <= hard:
            with suppress(ValueError, OSError):
                resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
                soft = wanted
    if soft < LEAST_DESCRIPTORS:
        raise InvalidSettings(
            [f"The limit on open files (ulimit -n) is {soft}; the API needs at least {LEAST_DESCRIPTORS}. Raise it."]
        )
    return soft


def _address_advice(error: OSError) -> str:
    if isinstance(error, socket.gaierror) or error.errno == errno.EADDRNOTAVAIL:
        return "Set TASKS_HTTP_HOST to an address of this machine, such as 127.0.0.1."
    return "Stop what uses it, or set TASKS_HTTP_PORT to a free port."


def require_free_address(settings: Settings) -> None:
    address = authority(settings.http_host, settings.http_port)
    try:
        family, kind, _, _, where = socket.getaddrinfo(settings.http_host, settings.http_port, type=socket.SOCK_STREAM)[
            0
        ]
        with socket.socket(family, kind) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(where)
    except OSError as error:
        raise InvalidSettings(
            [
                f"TASKS_HTTP_HOST and TASKS_HTTP_PORT are {address}, which cannot be had: {error.strerror}. "
                + _address_advice(error)
            ]
        ) from error
