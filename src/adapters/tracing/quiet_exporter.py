"""Send spans by OTLP over HTTP; log a collector that fails once, and once that it is back."""

import logging
import os
from collections.abc import Sequence
from typing import Any

from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult

BATCH = 64
"""Spans that are encoded at a time: other greenlets of this process wait meanwhile."""

logger = logging.getLogger(__name__)


class QuietExporter(SpanExporter):
    """Runs in the thread of the SDK, which drops the spans that its queue cannot hold."""

    def __init__(self) -> None:
        self.begin()

    def begin(self) -> None:
        """Take connections and locks of this process: a fork may copy those in use."""
        self._pid = os.getpid()
        self._lost = 0
        # Work may close the descriptors of its process, so no connection stays open. Not all of the
        # exporter has types.
        self._exporter: Any = OTLPSpanExporter(headers={"connection": "close"})

    @property
    def is_failing(self) -> bool:
        """Return whether the collector did not take the last spans."""
        return self._lost > 0

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        if os.getpid() != self._pid:
            self.begin()
        sent = [self._send(spans[at : at + BATCH]) for at in range(0, len(spans), BATCH)]
        return SpanExportResult.SUCCESS if all(sent) else SpanExportResult.FAILURE

    def shutdown(self) -> None:
        self._exporter.shutdown()

    def _send(self, spans: Sequence[ReadableSpan]) -> bool:
        try:
            taken = self._exporter.export(spans) is SpanExportResult.SUCCESS
        except Exception:  # whatever is wrong with a span, the next ones are sent
            taken = False
        if taken:
            self._note_success()
        else:
            self._note_failure(len(spans))
        return taken

    def _note_success(self) -> None:
        if self._lost:
            logger.info(
                "The collector takes spans again; %d were lost",
                self._lost,
                extra={"action": "traces_back"},
            )
        self._lost = 0

    def _note_failure(self, number: int) -> None:
        if not self._lost:
            logger.warning(
                "The collector takes no spans. They are dropped; nothing else is affected. Check "
                "OTEL_EXPORTER_OTLP_ENDPOINT and OTEL_EXPORTER_OTLP_HEADERS.",
                extra={"action": "traces_lost"},
            )
        self._lost += number
