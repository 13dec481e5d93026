"""The API with little patience for clients that take no response.

Run it by `python -m tests.integration.impatient_api`.
"""

from gevent import monkey

monkey.patch_all()

# ruff: noqa: E402 - the patch comes first
from entrypoints import cli
from entrypoints.api.concurrency import client_socket

if __name__ == "__main__":
    client_socket.SEND_TIMEOUT_SECONDS = 1.0
    cli.main(["api"])
