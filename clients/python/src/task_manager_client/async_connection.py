"""Send calls and read streams with asyncio or trio."""

import random
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TypeVar

import anyio
import httpx2

from task_manager_client import http
from task_manager_client.calls import Call
from task_manager_client.errors import TaskManagerError
from task_manager_client.events import Event
from task_manager_client.retries import Retries
from task_manager_client.streams import PAUSE, Following

T = TypeVar("T")


class AsyncConnection:
    """Sends calls, repeats them as its `retries` say, and reads streams."""

    def __init__(
        self,
        requests: http.Requests,
        retries: Retries,
        stream_retries: Retries,
        client: httpx2.AsyncClient | None,
    ) -> None:
        """Use `client`, which the caller closes, or an own one."""
        self._requests = requests
        self._retries = retries
        self._stream_retries = stream_retries
        self._own = client is None
        self._http = client or httpx2.AsyncClient()

    async def close(self) -> None:
        """Close the connections, unless they are the caller's."""
        if self._own:
            await self._http.aclose()

    async def send(self, call: Call[T]) -> T:
        """Return the result of the call. Raises TaskManagerError."""
        return await self._send(call, self._retries)

    async def send_wait(self, call: Call[T], deadline: float | None) -> T:
        """Return the result of one request of a wait. Raises TaskManagerError.

        It is not repeated after `deadline`, by `time.monotonic`.
        """
        return await self._send(call, self._stream_retries, deadline)

    async def follow(self, following: Following) -> AsyncIterator[Event]:
        """Yield the events of a stream, which is opened again when it breaks."""
        while True:
            pause = PAUSE
            try:
                async with self._stream(following.call()) as source:
                    if source is None:
                        return
                    following.connected()
                    async for sent in source:
                        event = following.received(sent)
                        if event is not None:
                            yield event
                        if following.is_over(event):
                            return
            except httpx2.RequestError as error:
                pause = self._pause(following, self._requests.unreachable(error))
            except TaskManagerError as error:
                pause = self._pause(following, error)
            await anyio.sleep(pause)

    async def _send(self, call: Call[T], retries: Retries, deadline: float | None = None) -> T:
        request_id, attempt = http.new_request_id(), 1
        while True:
            try:
                return await self._exchange(call, request_id)
            except TaskManagerError as error:
                chance = random.random()  # noqa: S311 - it spreads delays
                delay = retries.delay(error, attempt, repeatable=call.repeatable, chance=chance)
                if delay is None or (deadline and time.monotonic() + delay > deadline):
                    raise
            await anyio.sleep(delay)
            attempt += 1

    async def _exchange(self, call: Call[T], request_id: str) -> T:
        try:
            response = await self._http.request(
                call.method,
                self._requests.url_of(call),
                content=call.body,
                headers=self._requests.headers(call, request_id),
                timeout=self._requests.timeout(call),
            )
        except httpx2.RequestError as error:
            raise self._requests.unreachable(error) from error
        return call.result(http.received(response))

    @asynccontextmanager
    async def _stream(self, call: Call[None]) -> AsyncIterator[httpx2.EventSource | None]:
        """Open a stream. Yields None if no event can follow. Raises Problem."""
        headers = self._requests.headers(call, http.new_request_id())
        timeout = self._requests.stream_timeout()
        url = self._requests.url_of(call)
        async with self._http.stream(
            call.method, url, headers=headers, timeout=timeout
        ) as response:
            if response.status_code == 204:
                yield None
                return
            if response.status_code != 200:
                await response.aread()
                call.result(http.received(response))
            http.require_stream(response)
            yield httpx2.EventSource(response)

    def _pause(self, following: Following, error: TaskManagerError) -> float:
        return following.pause_after(error, self._stream_retries, random.random())  # noqa: S311 - it spreads delays
