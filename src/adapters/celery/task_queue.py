"""Tokens: Celery messages that say that a queue has work."""

from functools import cache
from typing import Any

from celery import Celery
from kombu.utils.json import dumps

from adapters.celery.app import WORK_TASK, queue_of_tokens
from adapters.redis import keys
from adapters.redis.client import RedisStore
from adapters.redis.effects import Effects
from adapters.redis.indexes import top_up
from adapters.redis.tokens import TOKEN_NUMBER, Token
from application.ports.task_queue import TaskQueue

BOUND = 16
"""How many tokens wait at most: enough to wake many workers at once, few enough to be a handful."""


class TokenFactory:
    """Builds the token of a queue by publishing it with Celery to kombu's memory transport, which keeps what the
    Redis transport would write: whatever kombu puts into a message is in a token, too."""

    def __init__(self, app: Celery) -> None:
        self._app = app
        self.token_of = cache(self._build)

    def _build(self, queue: str) -> Token:
        celery_queue, amqp = queue_of_tokens(queue), self._app.amqp
        with self._app.connection_for_write("memory://") as connection:
            message = amqp.as_task_v2(TOKEN_NUMBER, WORK_TASK, args=(queue,), ignore_result=True)
            amqp.send_task_message(amqp.Producer(connection), WORK_TASK, message, queue=celery_queue, retry=False)
            channel: Any = connection.default_channel
            published = channel._get(celery_queue.name)
        published["properties"]["delivery_tag"] = TOKEN_NUMBER
        return Token(list_key=celery_queue.name.encode(), template=dumps(published).encode(), bound=BOUND)


class CeleryTaskQueue(TaskQueue):
    def __init__(self, store: RedisStore, tokens: TokenFactory) -> None:
        self._store = store
        self._tokens = tokens
        self._save = store.script("save")

    def replenish(self) -> int:
        with self._store.client() as client:
            queues = [queue.decode() for queue in client.smembers(keys.QUEUES)]
        return sum(map(self._top_up, queues))

    def _top_up(self, queue: str) -> int:
        token = self._tokens.token_of(queue)
        effects = Effects()
        top_up(effects, queue, token)
        return int(self._save(effects.keys, effects.arguments)[2])
