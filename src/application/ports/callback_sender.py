"""Sends one message to one URL."""

from abc import ABC, abstractmethod

from domain.callback import Message, Reply


class CallbackSender(ABC):
    @abstractmethod
    def refusal(self, url: str) -> str | None:
        """Why the URL could never be told, as far as it says so itself."""

    @abstractmethod
    def send(self, message: Message) -> Reply:
        """Takes 15 seconds at most, resolving the name not counted. Raises nothing: what went wrong is a reply."""
