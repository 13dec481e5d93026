"""Random texts that nobody can guess."""

from abc import ABC, abstractmethod


class SecretSource(ABC):
    @abstractmethod
    def key_id(self) -> str:
        """Return 12 random characters of 0-9 and a-z."""

    @abstractmethod
    def secret(self) -> str:
        """Return 256 random bits in base64url, which takes 43 characters."""
