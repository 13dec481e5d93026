"""The composition root: the only package that knows which adapter stands behind which port."""

from entrypoints.container.handlers import find_handlers, http_signing_key
from entrypoints.container.processes import build_container, describe_process
from entrypoints.container.use_cases import Container

__all__ = [
    "Container",
    "build_container",
    "describe_process",
    "find_handlers",
    "http_signing_key",
]
