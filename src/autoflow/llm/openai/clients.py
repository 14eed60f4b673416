"""The HTTP clients of one endpoint.

A client's pool looks at each of its idle connections at the beginning and at the end of every request, so the
cost of a request grows with how many are under way. Several clients with few connections each share the
requests instead.
"""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import httpx2
from openai import AsyncOpenAI, DefaultAsyncHttpxClient

from autoflow.llm.openai.endpoint import Endpoint
from autoflow.llm.openai.reading import limited

_REQUESTS = 16
"""Under way by one client, before there is another."""


@dataclass(slots=True)
class _Client:
    client: AsyncOpenAI
    under_way: int = 0


class Clients:
    """Clients of an endpoint, made when they are needed.

    Args:
        endpoint: where it is, and its limits.
    """

    def __init__(self, endpoint: Endpoint) -> None:
        self._endpoint = endpoint
        self._most = -(-endpoint.max_concurrency // _REQUESTS)
        self._clients: list[_Client] = []
        self._tls: ssl.SSLContext | None = None

    @contextmanager
    def one(self) -> Iterator[AsyncOpenAI]:
        """The client for one request: the one that has least to do, the first among equals."""
        used = min(self._clients, key=lambda each: each.under_way, default=None)
        if used is None or (used.under_way >= _REQUESTS and len(self._clients) < self._most):
            used = _Client(self._made())
            self._clients.append(used)
        used.under_way += 1
        try:
            yield used.client
        finally:
            used.under_way -= 1

    async def close(self) -> None:
        """Closes their connections."""
        for each in self._clients:
            await each.client.close()

    def _made(self) -> AsyncOpenAI:
        endpoint = self._endpoint
        # One for all: each reads the certificates of all authorities.
        self._tls = self._tls or httpx2.create_ssl_context()
        # Texts where None would do: for None the library looks into the environment, whose keys and names
        # may belong to another endpoint.
        return AsyncOpenAI(
            api_key=endpoint.api_key or "none",
            admin_api_key="",
            organization="",
            project="",
            webhook_secret="",
            base_url=endpoint.base_url,
            max_retries=0,
            timeout=endpoint.attempt_timeout,
            http_client=DefaultAsyncHttpxClient(
                verify=self._tls,
                timeout=endpoint.attempt_timeout,
                event_hooks={"response": [limited(endpoint.max_answer_bytes)]},
            ),
        )
