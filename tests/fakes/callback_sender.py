from application.ports.callback_sender import CallbackSender
from domain.callback import Message, Reply


class FakeCallbackSender(CallbackSender):
    """Remembers what was sent, and answers as the test says."""

    def __init__(self) -> None:
        self.sent: list[Message] = []
        self.reply = Reply(status=200)

    def refusal(self, url: str) -> str | None:
        return None if url.startswith("https:") else "Must begin with https://."

    def send(self, message: Message) -> Reply:
        self.sent.append(message)
        return self.reply
