"""Takes whatever is in a list of wake-ups for a wake-up.

A wake-up says only that its queue has work, which the name of the list says as well. Kombu and
Celery would end the worker at a message that another program wrote.
"""

from collections.abc import Callable
from itertools import count
from typing import Any

from kombu.transport.redis import Channel

from adapters.celery.app import WAKE_UP_LIST_PREFIX
from adapters.redis.wake_ups import WAKE_UP_NUMBER, WakeUp

kind_of_client: Any = getattr(Channel, "_get_client")  # noqa: B009 - not in the stubs


def read_any_wake_up(wake_up_of: Callable[[str], WakeUp]) -> None:
    """Have all channels of this process read the wake-up of the queue in place of each message.

    The channels of transport_to_master inherit this.
    """
    numbers = count(1)

    def message_of(list_key: bytes) -> bytes:
        name = list_key.decode().partition(Channel.sep)[0]
        template = wake_up_of(name.removeprefix(WAKE_UP_LIST_PREFIX)).template
        return template.replace(WAKE_UP_NUMBER.encode(), b"%d" % next(numbers))

    def kind_of_reader(channel: Channel) -> type[Any]:
        kind: type[Any] = kind_of_client(channel)

        class Reader(kind):  # type: ignore[misc]  # kombu decides which client
            def parse_response(self, connection: Any, command: str, **options: Any) -> Any:
                reply = super().parse_response(connection, command, **options)
                if command != "BRPOP" or not reply:
                    return reply
                list_key, _ = reply
                return list_key, message_of(list_key)

        return Reader

    setattr(Channel, "_get_client", kind_of_reader)  # noqa: B010 - not in the stubs
