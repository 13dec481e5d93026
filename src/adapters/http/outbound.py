"""Call URLs that callers chose, without reaching networks that only this service can reach.

A name is resolved once, all of its addresses must be public, and the connection goes to the address
that was checked. Redirects are not followed. An operator can allow networks by name.
"""

import asyncio
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from adapters.http.address_rules import AddressRules
from adapters.http.response import HttpResponse

if TYPE_CHECKING:  # many processes call nothing, and need no client
    from adapters.http.client import HttpClient


class OutboundHttp:
    """Sends requests to public addresses and to the networks that the operator allows."""

    def __init__(self, allowed_networks: Sequence[str] = ()) -> None:
        """`allowed_networks` are CIDRs that may be called besides public addresses, on any port."""
        self._rules = AddressRules(allowed_networks)
        self._client: HttpClient | None = None
        self._loop: asyncio.AbstractEventLoop | None = None

    def send(self, method: str, url: str, **options: Any) -> HttpResponse:
        """Send one request on a loop of its own; see HttpClient.send.

        For threads that have no loop.
        """
        return asyncio.run(self.send_alone(method, url, **options))

    async def send_async(self, method: str, url: str, **options: Any) -> HttpResponse:
        """Send one request beside others of this loop, which share connections.

        See HttpClient.send.
        """
        loop = asyncio.get_running_loop()
        if self._client is None or self._loop is not loop:
            self._client, self._loop = self._new_client(), loop
        return await self._client.send(method, url, **options)

    def refusal(self, url: str, *, allow_public_http: bool = True) -> str | None:
        """Return why a call of the URL must fail, None if it may succeed. Resolves no name.

        A name passes if any network is allowed, because it may lead there.
        """
        return self._rules.refusal_of_url(url, allow_public_http=allow_public_http)

    async def send_alone(self, method: str, url: str, **options: Any) -> HttpResponse:
        """Send one request whose connection is closed afterwards; see HttpClient.send."""
        client = self._new_client()
        try:
            return await client.send(method, url, **options)
        finally:
            await client.close()

    def _new_client(self) -> "HttpClient":
        from adapters.http.client import HttpClient

        return HttpClient(self._rules)
