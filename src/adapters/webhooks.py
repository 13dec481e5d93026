"""Callbacks as Standard Webhooks has them: a signed POST, by the guarded way out."""

import json

from adapters.outbound_http import AddressRefused, NotReached, OutboundHttp
from adapters.signature import Signature
from application.ports.callback_sender import CallbackSender
from application.ports.clock import Clock
from application.public_task import instant, task_members
from domain.callback import Message, Reply

SECONDS = 15.0
ANSWER_BYTES = 1_024
"""Nobody reads it; a receiver that says more is not kept waiting for."""


class WebhookSender(CallbackSender):
    def __init__(self, http: OutboundHttp, signature: Signature, clock: Clock) -> None:
        self._http = http
        self._signature = signature
        self._clock = clock

    def refusal(self, url: str) -> str | None:
        return self._http.refusal(url, plain_in_public=False)

    def send(self, message: Message) -> Reply:
        body = message_body(message)
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
                most_bytes=ANSWER_BYTES,
                plain_in_public=False,
            )
        except AddressRefused as error:
            return Reply(error=str(error), refused=True)
        except NotReached as error:
            return Reply(error=str(error))
        return Reply(status=answer.status, wait=answer.wait_asked_for(self._clock.now()))


def message_body(message: Message) -> bytes:
    """Type, time and data, as Standard Webhooks proposes; the data is the task as GET answers it."""
    members = {
        "type": message.event,
        "timestamp": instant(message.task.finished_at),
        "data": task_members(message.task),
    }
    return json.dumps(members, ensure_ascii=False, separators=(",", ":")).encode()
