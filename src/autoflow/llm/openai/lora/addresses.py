"""Where the replicas of an endpoint are.

They stand in the catalogue, or behind a name that has an address for each of them (a headless service of
Kubernetes), which is looked up anew when the last answer has grown old.
"""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias
from urllib.parse import urlsplit, urlunsplit

from autoflow.llm.base import ModelUnavailable
from autoflow.llm.openai.endpoint import AdapterServing, Endpoint

_log = logging.getLogger(__name__)

_LOOKUP_SECONDS = 5.0

Lookup: TypeAlias = Callable[[str, int], Awaitable[Sequence[str]]]
"""The addresses of a name, of use with a port; raises OSError."""


@dataclass(frozen=True, slots=True)
class Replica:
    """One server."""

    url: str
    """Its base URL."""
    host: str = ""
    """The name that it is known by, with its port, where the URL holds an address; its certificate must be
    for that name."""


async def addresses_of(host: str, port: int) -> Sequence[str]:
    """What the system's resolver says; a `Lookup`."""
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return sorted({str(address[0]) for *_, address in found})


class Addresses:
    """The replicas of one endpoint. For use in one event loop.

    Args:
        endpoint: the endpoint.
        serving: its `adapters`.
        lookup: finds the addresses of a name.
    """

    def __init__(self, endpoint: Endpoint, serving: AdapterServing, lookup: Lookup = addresses_of) -> None:
        self._name = endpoint.name
        self._resolve = serving.resolve
        self._refresh = serving.refresh
        self._lookup = lookup
        self._looking = asyncio.Lock()
        self._old_at = float("-inf")
        listed = () if serving.resolve else serving.replicas or (endpoint.base_url,)
        self._replicas = tuple(Replica(url.rstrip("/")) for url in listed)

    async def now(self) -> tuple[Replica, ...]:
        """All replicas, one or more.

        Where the name cannot be looked up, they are those of the last time.

        Raises:
            ModelUnavailable: it could not be looked up so far.
        """
        if self._resolve and self._is_old():
            async with self._looking:
                if self._is_old():
                    await self._look()
        return self._replicas

    def _is_old(self) -> bool:
        return asyncio.get_running_loop().time() >= self._old_at

    async def _look(self) -> None:
        url = urlsplit(self._resolve)
        port = url.port or (443 if url.scheme == "https" else 80)
        try:
            async with asyncio.timeout(_LOOKUP_SECONDS):
                found = await self._lookup(url.hostname or "", port)
        except (OSError, TimeoutError):
            found = ()
        if found:
            self._replicas = tuple(
                Replica(urlunsplit(url._replace(netloc=_netloc(each, port))).rstrip("/"), url.netloc)
                for each in found
            )
        elif not self._replicas:
            raise ModelUnavailable(f"the replicas of the model {self._name!r} cannot be looked up")
        else:
            _log.warning("model %s: its replicas cannot be looked up; the last ones are used", self._name)
        self._old_at = asyncio.get_running_loop().time() + self._refresh


def _netloc(address: str, port: int) -> str:
    return f"[{address}]:{port}" if ":" in address else f"{address}:{port}"
