"""Serves the API: gunicorn with gevent workers, each of which holds thousands of slow clients."""

import logging
import resource
import socket
from contextlib import suppress
from typing import Any

import gevent
from flask import Flask
from gunicorn.app.base import BaseApplication
from gunicorn.glogging import Logger
from gunicorn.workers.ggevent import GeventWorker

from entrypoints.api.app import create_app
from entrypoints.api.origins import ANY_HOST
from entrypoints.api.problems import unread_problem
from entrypoints.container import build_container
from entrypoints.settings import InvalidSettings, Settings, authority

LONGEST_REQUEST_LINE = 8_190
CONNECTIONS = 10_000
"""Of one worker at once; an open stream is one."""


logger = logging.getLogger(__name__)


class ApiLogger(Logger):  # type: ignore[misc]  # gunicorn has no types
    """Gunicorn's errors quote what callers sent: they take the way of all logs, which escapes control characters."""

    def setup(self, cfg: Any) -> None:
        super().setup(cfg)
        self.error_log.handlers.clear()
        self.error_log.propagate = True


class ApiWorker(GeventWorker):  # type: ignore[misc]  # gunicorn has no types
    """Open streams would hold up the shutdown for the whole grace: they end as soon as it begins."""

    def handle_exit(self, sig: int, frame: Any) -> None:
        super().handle_exit(sig, frame)
        gevent.spawn(self._end_streams)

    def is_already_handled(self, respiter: Any) -> bool:
        """A stream has the connection now: gunicorn must not wait for another request on it."""
        if super().is_already_handled(respiter):
            raise StopIteration
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
    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        super().__init__()

    def load_config(self) -> None:
        options: dict[str, Any] = {
            "bind": authority(self._settings.http_host, self._settings.http_port),
            "workers": self._settings.http_workers,
            "worker_class": "entrypoints.api.server.ApiWorker",
            "worker_connections": CONNECTIONS,
            "limit_request_line": LONGEST_REQUEST_LINE,
            "graceful_timeout": self._settings.shutdown_grace_seconds,
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
        return create_app(build_container(self._settings, fail_fast=True))


def serve(settings: Settings) -> None:
    """Until SIGTERM or SIGINT. Raises InvalidSettings when the address cannot be had."""
    settings.require_redis()
    require_free_address(settings)
    if ANY_HOST in settings.http_allowed_hosts:
        logger.warning(
            "TASKS_HTTP_ALLOWED_HOSTS is *: any web page that a browser here opens can reach the API by DNS rebinding. "
            "Name the hosts instead.",
            extra={"action": "any_host_allowed"},
        )
    _allow_many_files()
    Server(settings).run()


def _allow_many_files() -> None:
    """Each connection is one."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < hard:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


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
                "Stop what uses it, or set TASKS_HTTP_PORT to a free port."
            ]
        ) from error
