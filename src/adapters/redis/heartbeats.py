"""Heartbeats in Redis: a key per role and host that expires."""

import os
import socket

from adapters.redis import keys
from adapters.redis.client import RedisStore
from application.ports.heartbeats import Heartbeats

LIFETIME_SECONDS = 15


class RedisHeartbeats(Heartbeats):
    def __init__(self, store: RedisStore) -> None:
        self._store = store

    def beat(self, role: str) -> None:
        with self._store.client() as client:
            client.set(keys.heartbeat(role, socket.gethostname()), os.getpid(), ex=LIFETIME_SECONDS)

    def seen(self, role: str) -> bool:
        with self._store.client() as client:
            return bool(client.exists(keys.heartbeat(role, socket.gethostname())))
