"""Functions with instrumentation of their own."""

import logging
import os
from typing import Any

from opentelemetry import trace


def instrumented() -> dict[str, Any]:
    """Return the span that the function sees, after a span of its own."""
    seen = trace.get_current_span().get_span_context()
    with trace.get_tracer("shop").start_as_current_span("own work"):
        logging.getLogger("shop").warning("the work goes on")
    return {"trace_id": f"{seen.trace_id:032x}", "span_id": f"{seen.span_id:016x}"}


async def instrumented_coroutine() -> dict[str, Any]:
    """Return the span that a coroutine sees."""
    return instrumented()


def crash_once(context: Any) -> int:
    """End the process in the first attempt."""
    if context.attempt == 1:
        os.kill(os.getpid(), 9)
    return int(context.attempt)
