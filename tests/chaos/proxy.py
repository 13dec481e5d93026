"""A TCP proxy between a worker and Redis that does what networks do."""

import contextlib
import socket
import threading
import time
from typing import Self

CHUNK = 65_536
ACCEPT_SECONDS = 0.05


class Link:
    """One connection through the proxy: two sockets and two pumps."""

    def __init__(self, near: socket.socket, far: socket.socket) -> None:
        self.near, self.far = near, far
        self.swallows = False
        self.loses_reply = False

    def close(self) -> None:
        for end in (self.near, self.far):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            end.close()


class Proxy:
    """Passes everything on until told otherwise. Leaving the context closes it."""

    def __init__(self, port: int) -> None:
        self._target = port
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._listener.settimeout(ACCEPT_SECONDS)
        self._links: set[Link] = set()
        self._lock = threading.Lock()
        self._refusing = False
        self._delay = 0.0
        self._ended = threading.Event()

    def __enter__(self) -> Self:
        threading.Thread(target=self._accept, name="proxy", daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._listener.close()
        self._close_all()

    @property
    def port(self) -> int:
        port: int = self._listener.getsockname()[1]
        return port

    def cut(self) -> None:
        """Close all connections and refuse new ones until `restore`."""
        self._refusing = True
        self._close_all()

    def swallow(self) -> None:
        """Let the present connections stay open and carry nothing any more. New ones work."""
        with self._lock:
            for link in self._links:
                link.swallows = True

    def lose_replies(self) -> None:
        """Cut each present connection once the server has carried out its next command."""
        with self._lock:
            for link in self._links:
                link.loses_reply = True

    def delay(self, seconds: float) -> None:
        """Delay each piece of a request by so many seconds."""
        self._delay = seconds

    def restore(self) -> None:
        self._refusing, self._delay = False, 0.0

    def _accept(self) -> None:
        while not self._ended.is_set():
            try:
                near, _ = self._listener.accept()
            except TimeoutError:
                continue
            except OSError:
                return
            self._open(near)

    def _open(self, near: socket.socket) -> None:
        if self._refusing:
            near.close()
            return
        try:
            far = socket.create_connection(("127.0.0.1", self._target), timeout=1)
        except OSError:
            near.close()
            return
        for end in (near, far):
            end.settimeout(None)
            end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        link = Link(near, far)
        with self._lock:
            self._links.add(link)
        for source, target, is_reply in ((near, far, False), (far, near, True)):
            threading.Thread(
                target=self._pump, args=(link, source, target, is_reply), daemon=True
            ).start()

    def _pump(
        self, link: Link, source: socket.socket, target: socket.socket, is_reply: bool
    ) -> None:
        try:
            while data := source.recv(CHUNK):
                if link.swallows:
                    continue
                if is_reply and link.loses_reply:
                    break
                self._pass_on(target, data, is_reply=is_reply)
        except OSError:
            pass
        if not link.swallows:
            link.close()
            with self._lock:
                self._links.discard(link)

    def _pass_on(self, target: socket.socket, data: bytes, *, is_reply: bool) -> None:
        if self._delay and not is_reply:
            time.sleep(self._delay)
        target.sendall(data)

    def _close_all(self) -> None:
        with self._lock:
            links, self._links = self._links, set()
        for link in links:
            link.close()
