"""Serves the API: gunicorn with gevent workers, each of which holds thousands of slow clients."""

import socket
from typing import Any

from flask import Flask
from gunicorn.app.base import BaseApplication

from entrypoints.api.app import create_app
from entrypoints.container import build_container
from entrypoints.settings import InvalidSettings, Settings, authority


class Server(BaseApplication):  # type: ignore[misc]  # gunicorn has no types
    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        super().__init__()

    def load_config(self) -> None:
        options: dict[str, Any] = {
            "bind": authority(self._settings.http_host, self._settings.http_port),
            "workers": self._settings.http_workers,
            "worker_class": "gevent",
            "graceful_timeout": self._settings.shutdown_grace_seconds,
            "control_socket_disable": True,
            "proc_name": "task-manager-api",
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
    Server(settings).run()


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
