"""The API that waits for the head of a request for an hour.

Run it by `python -m tests.integration.unhurried_api`.
"""

from gevent import monkey

monkey.patch_all()

# ruff: noqa: E402 - the patch comes first
from entrypoints import cli
from entrypoints.api import server

if __name__ == "__main__":
    server.HEAD_SECONDS = 3_600
    cli.main(["api"])
