"""The address of the API. Checked apart from the API, whose imports take half a second."""

import errno
import socket

from entrypoints.settings import InvalidSettings, Settings, authority


def require_free_address(settings: Settings) -> None:
    """Raise InvalidSettings unless the server can bind its address."""
    address = authority(settings.http_host, settings.http_port)
    try:
        family, kind, _, _, where = socket.getaddrinfo(
            settings.http_host, settings.http_port, type=socket.SOCK_STREAM
        )[0]
        with socket.socket(family, kind) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(where)
    except OSError as error:
        raise InvalidSettings(
            [
                f"TASKS_HTTP_HOST and TASKS_HTTP_PORT are {address}, which is not available: "
                f"{error.strerror}. " + _address_advice(error)
            ]
        ) from error


def _address_advice(error: OSError) -> str:
    if isinstance(error, socket.gaierror) or error.errno == errno.EADDRNOTAVAIL:
        return "Set TASKS_HTTP_HOST to an address of this machine, such as 127.0.0.1."
    return "Stop the program that uses it, or set TASKS_HTTP_PORT to a free port."
