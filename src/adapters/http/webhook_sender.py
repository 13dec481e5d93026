"""Send webhooks as Standard Webhooks 1.0 defines them: a signed POST by the guarded HTTP client."""

import json

from adapters.http.outbound import AddressRefused, NoResponse, OutboundHttp
from adapters.http.signature import Signature
from application.ports.clock import Clock
from application.ports.tracer import Tracer
from application.ports.webhook_sender import WebhookMessage, WebhookSender
from application.spans import STATUS_CODE, call_operation, error_of_status
from application.task_serializer import rfc3339, serialize_task
from domain.trace_context import TraceContext
from domain.webhook import Webhook, WebhookResponse

MAX_SECONDS = 15.0
MAX_RESPONSE_BYTES = 1_024
"""Limit on the bytes read of a response. Its body is not used, so a longer one takes no time."""


class HttpWebhookSender(WebhookSender):
    def __init__(
        self, http: OutboundHttp, signature: Signature, clock: Clock, tracer: Tracer
    ) -> None:
        self._http = http
        self._signature = signature
        self._clock = clock
        self._tracer = tracer

    def refusal(self, url: str) -> str | None:
        return self._http.refusal(url, allow_public_http=False)

    def write(self, webhook: Webhook) -> WebhookMessage:
        return WebhookMessage(
            message_id=webhook.message_id,
            url=str(webhook.task.spec.callback_url),
            body=_webhook_body(webhook),
            task_id=webhook.task.task_id,
            trace=webhook.task.trace,
        )

    def send(self, message: WebhookMessage) -> WebhookResponse:
        if message.trace is None:
            return self._post(message, None)
        operation = call_operation("POST", message.url, "callback", message.task_id)
        with self._tracer.span(operation, message.trace) as span:
            response = self._post(message, span.context)
            if response.status is None:
                span.note({}, error="no_response")
            else:
                error = error_of_status(response.status, lowest=400)
                span.note({STATUS_CODE: response.status}, error=error)
            return response

    def _post(self, message: WebhookMessage, trace: TraceContext | None) -> WebhookResponse:
        signature = self._signature.headers(message.message_id, message.body, self._clock.now())
        try:
            response = self._http.send(
                "POST",
                message.url,
                headers={
                    "Content-Type": "application/json",
                    **(trace.headers if trace else {}),
                    **signature,
                },
                body=message.body,
                seconds=MAX_SECONDS,
                max_bytes=MAX_RESPONSE_BYTES,
                allow_public_http=False,
            )
        except AddressRefused as error:
            return WebhookResponse(error=str(error), refused=True)
        except NoResponse as error:
            return WebhookResponse(error=str(error))
        return WebhookResponse(status=response.status, wait=response.retry_after(self._clock.now()))


def _webhook_body(webhook: Webhook) -> bytes:
    """Return type, timestamp and data as JSON. The data is the task as GET returns it."""
    members = {
        "type": webhook.event,
        "timestamp": rfc3339(webhook.task.finished_at),
        "data": serialize_task(webhook.task),
    }
    return json.dumps(members, ensure_ascii=False, separators=(",", ":")).encode()
