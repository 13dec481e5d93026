"""Write metrics in the text format of Prometheus or of OpenMetrics, as the client prefers."""

from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

from flask import request
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4
from prometheus_client.exposition import generate_latest as write_plain
from prometheus_client.metrics_core import Metric
from prometheus_client.openmetrics.exposition import ALLOWUTF8, CONTENT_TYPE_LATEST
from prometheus_client.openmetrics.exposition import generate_latest as write_openmetrics
from werkzeug.exceptions import NotAcceptable

OPENMETRICS, PLAIN = "application/openmetrics-text", "text/plain"
Writer = Callable[[Any], bytes]


class Exposition:
    """A source of metrics for the writers of prometheus_client, read once."""

    def __init__(self, metrics: Iterable[Metric]) -> None:
        self._metrics = metrics

    def collect(self) -> Iterable[Metric]:
        return self._metrics


def chosen_format() -> tuple[Writer, str]:
    """Return the writer and media type that the client of this request prefers.

    Text of Prometheus is the default. Raises NotAcceptable if Accept excludes both.
    """
    wishes = {OPENMETRICS: 0.0, PLAIN: 0.0, "text/*": 0.0, "*/*": 0.0}
    for accepted, quality in request.accept_mimetypes:
        name = accepted.partition(";")[0].strip().lower()
        if name in wishes:
            wishes[name] = max(wishes[name], quality)
    open_metrics = wishes.pop(OPENMETRICS)
    if open_metrics and open_metrics >= wishes[PLAIN]:
        return partial(write_openmetrics, escaping=ALLOWUTF8), CONTENT_TYPE_LATEST
    if not any(wishes.values()) and request.accept_mimetypes:
        raise NotAcceptable(
            "The Accept header excludes every response: available is text/plain or "
            "application/openmetrics-text."
        )
    return partial(write_plain, escaping=ALLOWUTF8), CONTENT_TYPE_PLAIN_0_0_4
