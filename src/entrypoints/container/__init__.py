"""The composition root: the only package that knows which adapter stands behind which port.

The handlers have a module of their own, which processes that run and admit no tasks do not import.
"""

from entrypoints.quick_imports import without

# It supports these libraries where it finds them. We do not use that, and they take 16 MB.
with without("pydantic", "pydantic_settings", "yaml", "werkzeug"):
    import dependency_injector.wiring  # noqa: F401

# It imports the metrics of OpenTelemetry where it finds them. We make none with it.
with without("opentelemetry"):
    import adapters.redis.connection  # noqa: F401

from entrypoints.container.processes import build_container, describe_process
from entrypoints.container.use_cases import Container

__all__ = [
    "Container",
    "build_container",
    "describe_process",
]
