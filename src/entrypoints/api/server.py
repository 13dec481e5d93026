"""Serves the API: gunicorn with gevent workers, each of which holds thousands of slow clients."""

import gc
import resource
import socket
from contextlib import suppress
from typing import Any

import gevent
from flask import Flask
from gunicorn.app.base import BaseApplication
from gunicorn.workers.ggevent import GeventWorker

from entrypoints.api.app import create_app
from entrypoints.api.cooperation import let_others_run
from entrypoints.api.problems import unread_problem
from entrypoints.container import build_container
from entrypoints.settings import InvalidSettings, Settings, authority

LONGEST_REQUEST_LINE = 8_190
CONNECTIONS = 10_000
"""Of one worker at once; an open stream is one."""


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
            "proc_name": "task-manager-api",
            "loglevel": "warning",
        }
        for name, value in options.items():
            self.cfg.set(name, value)

    def load(self) -> Flask:
        """In each worker, after the fork."""
        app = create_app(build_container(self._settings, fail_fast=True, let_others_run=let_others_run))
        gc.collect()
        gc.freeze()  # a large body triggers full collections, which would take 50 ms more for what is always there
        return app


def serve(settings: Settings) -> None:
    """Until SIGTERM or SIGINT. Raises InvalidSettings when the address cannot be had."""
    settings.require_redis()
    require_free_address(settings)
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
