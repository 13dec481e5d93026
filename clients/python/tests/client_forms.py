"""Both clients with the methods of `Client`, so that one suite holds for both."""

import inspect
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from typing import Any, Self

from anyio.from_thread import BlockingPortal, start_blocking_portal

from task_manager_client import AsyncClient, Client


class BlockingAsyncClient:
    """Calls an AsyncClient in an event loop of another thread, and waits for each result."""

    def __init__(self, url: str, **options: Any) -> None:
        self._client = AsyncClient(url, **options)
        self._stack = ExitStack()
        self._portal: BlockingPortal

    def __enter__(self) -> Self:
        self._portal = self._stack.enter_context(start_blocking_portal())
        self._stack.callback(self._portal.call, self._client.close)
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        method = getattr(self._client, name)

        def call(*arguments: Any, **options: Any) -> Any:
            result = self._portal.call(self._started, method, arguments, options)
            return self._iterate(result) if hasattr(result, "__anext__") else result

        return call if callable(method) else method

    @staticmethod
    async def _started(method: Callable[..., Any], arguments: Any, options: Any) -> Any:
        result = method(*arguments, **options)
        return await result if inspect.isawaitable(result) else result

    def _iterate(self, values: Any) -> Iterator[Any]:
        try:
            while True:
                try:
                    yield self._portal.call(values.__anext__)
                except StopAsyncIteration:
                    return
        finally:
            with suppress(RuntimeError):  # the loop has ended, and closed it
                self._portal.call(values.aclose)


AnyClient = Client | BlockingAsyncClient
FORMS: dict[str, Callable[..., AnyClient]] = {"sync": Client, "async": BlockingAsyncClient}
