"""Callbacks as Standard Webhooks has them: a signed POST, by the guarded way out."""

import json

from adapters.http.outbound import AddressRefused, NoResponse, OutboundHttp
from adapters.http.signature import Signature
from application.ports.clock import Clock
from application.ports.webhook_sender import WebhookSender
from application.task_serializer import rfc3339, serialize_task
from domain.webhook import Webhook, WebhookResponse

SECONDS = 15.0
ANSWER_BYTES = 1_024
"""Nobody reads it; a receiver that says more is not kept waiting for."""


class HttpWebhookSender(WebhookSender):
    def __init__(self, http: OutboundHttp, signature: Signature, clock: Clock) -> None:
        self._http = http
        self._signature = signature
        self._clock = clock

    def refusal(self, url: str) -> str | None:
        return self._http.refusal(url, allow_public_http=False)

    def send(self, message: Webhook) -> WebhookResponse:
        body = webhook_body(message)
        try:
            answer = self._http.send(
                "POST",
                str(message.task.spec.callback_url),
                headers={
                    "Content-Type": "application/json",
                    **self._signature.headers(message.message_id, body, self._clock.now()),
                },
                body=body,
                seconds=SECONDS,
                max_bytes=ANSWER_BYTES,
                allow_public_http=False,
            )
        except AddressRefused as error:
            return WebhookResponse(error=str(error), refused=True)
        except NoResponse as error:
            return WebhookResponse(error=str(error))
        return WebhookResponse(status=answer.status, wait=answer.retry_after(self._clock.now()))


def webhook_body(message: Webhook) -> bytes:
    """Type, time and data, as Standard Webhooks proposes; the data is the task as GET answers it."""
    members = {
        "type": message.event,
        "timestamp": rfc3339(message.task.finished_at),
        "data": serialize_task(message.task),
    }
    return json.dumps(members, ensure_ascii=False, separators=(",", ":")).encode()
