"""Sentinels and Redis servers that say what a test tells them to, one command after the other."""

import socket
import ssl
import threading
from collections.abc import Callable
from typing import Self

Reply = Callable[[list[bytes]], bytes]


class ScriptedServer:
    """A server on a port of this machine. `reply` gets the words of each command."""

    def __init__(self, reply: Reply, tls: ssl.SSLContext | None = None) -> None:
        """With `tls`, it speaks TLS."""
        self.reply = reply
        self._tls = tls
        self.asked: list[bytes] = []
        """The first two words of each command."""
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._connections: list[socket.socket] = []
        threading.Thread(target=self._accept, daemon=True).start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for connection in self._connections:
            connection.close()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self._connections.append(connection)
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        try:
            if self._tls:
                connection = self._tls.wrap_socket(connection, server_side=True)
                self._connections.append(connection)
            stream = connection.makefile("rb")
            while line := stream.readline():
                words = []
                for _ in range(int(line[1:])):
                    size = int(stream.readline()[1:])
                    words.append(stream.read(size))
                    stream.readline()
                self.asked.append(b" ".join(words[:2]).upper())
                connection.sendall(self.reply(words))
        except OSError:
            return


def names(port: int) -> Reply:
    """Return the reply of a sentinel that knows the master at that port."""
    return lambda words: b"*2\r\n$9\r\n127.0.0.1\r\n$%d\r\n%d\r\n" % (len(str(port)), port)


def knows_nothing(words: list[bytes]) -> bytes:
    return b"*-1\r\n"


def has_role(role: str, of_others: bytes = b"+PONG\r\n") -> Reply:
    """Return the replies of a server with that role, to HELLO and to others."""
    greeting = b"%%2\r\n$5\r\nproto\r\n:3\r\n$4\r\nrole\r\n$%d\r\n%s\r\n" % (
        len(role),
        role.encode(),
    )
    return lambda words: greeting if words[0] == b"HELLO" else of_others
