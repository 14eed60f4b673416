"""Several vLLM servers and the one address before them, as far as LoRA adapters go.

Each replica is a real HTTP server at an address of its own (127.0.0.1, 127.0.0.2, …; all at one port, as the
pods of a headless service are). It answers as vLLM does: 400 for an adapter that is loaded already, 404 for
a model that it does not serve and for a folder that it does not see, 500 for an adapter that does not fit.
Calls at the address before them go to each replica that runs in turn. Left out: resolvers, and all of vLLM
that is not about adapters.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any

from autoflow.testing.endpoint import Refusal, Said, ScriptedEndpoint
from autoflow.testing.endpoint_http import HttpReply, HttpRequest

BASE = "base"
"""The model whose adapters there are."""

Gate = Callable[[], Awaitable[None]]


@dataclass(slots=True)
class AdapterRequests:
    """What one replica was asked for, by the adapters' names, in order."""

    loads: list[str] = field(default_factory=list)
    unloads: list[str] = field(default_factory=list)


class VllmReplica(ScriptedEndpoint):
    """One server. It says its number and the model that it was asked for, such as `0:base`.

    Args:
        number: its place, from 0.
        key: what it must be shown; empty: nothing.

    Attributes:
        loaded: the adapters that are loaded: their names and folders.
        asked: what it was asked for; stays when it is restarted.
        headers: of the last request about adapters.
        gate: awaited before an adapter is loaded.
        allows_updates: whether it runs with VLLM_ALLOW_RUNTIME_LORA_UPDATING.
        max_rank: adapters of a greater rank do not fit.
        failures: how many of the next requests about adapters fail with 503.
        refuses: the status that it answers every chat with; 0: it does not.
    """

    def __init__(self, number: int, key: str = "") -> None:
        super().__init__(self.say)
        self._number = number
        self._key = key
        self.loaded: dict[str, str] = {}
        self.asked = AdapterRequests()
        self.headers: Mapping[str, str] = {}
        self.gate: Gate | None = None
        self.allows_updates = True
        self.max_rank = 64
        self.failures = 0
        self.refuses = 0

    def say(self, body: Mapping[str, Any]) -> Said:
        """What it says to the body of a request for a chat."""
        if self.refuses:
            return Refusal(self.refuses)
        model = body["model"]
        if model != BASE and model not in self.loaded:
            return Refusal(404, _error(404, "NotFoundError", f"The model `{model}` does not exist.", "model"))
        return f"{self._number}:{model}"

    async def _serve(
        self, request: HttpRequest, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> bool:
        if request.path == "/v1/chat/completions":
            return await super()._serve(request, reader, writer)
        reply = await self._about_adapters(request)
        await self._note()
        writer.write(reply.encode())
        await writer.drain()
        return True

    async def _about_adapters(self, request: HttpRequest) -> HttpReply:
        self.headers = request.headers
        if self._key and request.headers.get("authorization") != f"Bearer {self._key}":
            return HttpReply(401, {"error": "Unauthorized"})
        if self.failures:
            self.failures -= 1
            return _refused(503, "ServiceUnavailableError", "starting")
        match request.path.removeprefix("/v1/"):
            case "models":
                cards = [{"id": BASE}, *({"id": name, "root": path} for name, path in self.loaded.items())]
                return HttpReply(200, {"object": "list", "data": cards})
            case "load_lora_adapter" if self.allows_updates:
                return await self._load(**json.loads(request.body))
            case "unload_lora_adapter" if self.allows_updates:
                return self._unload(**json.loads(request.body))
        return HttpReply(404, {"detail": "Not Found"})

    async def _load(self, lora_name: str, lora_path: str) -> HttpReply:
        if not lora_name or not lora_path:
            return _refused(400, "InvalidUserInput", "Both 'lora_name' and 'lora_path' must be provided.")
        self.asked.loads.append(lora_name)
        await self._note()
        if self.gate is not None:
            await self.gate()
        if lora_name in self.loaded:
            return _refused(
                400, "InvalidUserInput", f"The lora adapter '{lora_name}' has already been loaded."
            )
        config = Path(lora_path) / "adapter_config.json"
        if not config.is_file():
            return _refused(404, "NotFoundError", f"No adapter found for {lora_path}")
        if json.loads(config.read_text())["r"] > self.max_rank:
            return _refused(500, "InternalServerError", "LoRA rank is greater than max_lora_rank")
        self.loaded[lora_name] = lora_path
        return HttpReply(200, f"Success: LoRA adapter '{lora_name}' added successfully.".encode())

    def _unload(self, lora_name: str) -> HttpReply:
        self.asked.unloads.append(lora_name)
        if self.loaded.pop(lora_name, None) is None:
            return _refused(404, "NotFoundError", f"The lora adapter '{lora_name}' cannot be found.")
        return HttpReply(200, f"Success: LoRA adapter '{lora_name}' removed successfully.".encode())


class VllmFleet(ScriptedEndpoint):
    """Replicas, and itself the address before them; `async with VllmFleet.of(2) as fleet`.

    Attributes:
        replicas: those that run or have run.
        resolves: whether their addresses can be looked up.
    """

    def __init__(self, key: str = "") -> None:
        super().__init__(self._pass_on)
        self._key = key
        self._turns = count()
        self._down: set[int] = set()
        self._port = 0
        self.replicas: list[VllmReplica] = []
        self.resolves = True

    @classmethod
    @asynccontextmanager
    async def of(cls, replicas: int, key: str = "") -> AsyncIterator[VllmFleet]:
        """Runs so many replicas for the length of the block; `key` is what they must be shown."""
        fleet = cls(key)
        await fleet.start()
        try:
            for _ in range(replicas):
                await fleet.add()
            yield fleet
        finally:
            for replica in (fleet, *fleet.replicas):
                await replica.close()

    @property
    def urls(self) -> tuple[str, ...]:
        """The base URLs of all replicas, down or not."""
        return tuple(f"http://{address}:{self._port}/v1" for address in self._addresses)

    @property
    def headless_url(self) -> str:
        """A base URL whose host `lookup` knows."""
        return f"http://vllm.test:{self._port}/v1"

    async def lookup(self, host: str, port: int) -> tuple[str, ...]:
        """The addresses of the replicas, down or not."""
        if (host, port) != ("vllm.test", self._port) or not self.resolves:
            raise OSError("no such name")
        return self._addresses

    async def add(self) -> VllmReplica:
        """Starts one more."""
        replica = VllmReplica(len(self.replicas), self._key)
        self.replicas.append(replica)
        await self._run(len(self.replicas) - 1)
        return replica

    async def stop(self, number: int) -> None:
        """Ends a replica, which forgets its adapters."""
        self._down.add(number)
        self.replicas[number].loaded.clear()
        await self.replicas[number].close()

    async def restart(self, number: int) -> None:
        """Runs a replica anew, without adapters."""
        await self.stop(number)
        await self._run(number)

    @property
    def _addresses(self) -> tuple[str, ...]:
        return tuple(f"127.0.0.{number + 1}" for number in range(len(self.replicas)))

    async def _run(self, number: int) -> None:
        await self.replicas[number].start(self._addresses[number], self._port)
        self._port = self.replicas[number].port
        self._down.discard(number)

    def _pass_on(self, body: Mapping[str, Any]) -> Said:
        up = [each for number, each in enumerate(self.replicas) if number not in self._down]
        return up[next(self._turns) % len(up)].say(body) if up else Refusal(503)


def _error(code: int, kind: str, message: str, param: str | None = None) -> Mapping[str, Any]:
    return {"message": message, "type": kind, "param": param, "code": code}


def _refused(code: int, kind: str, message: str) -> HttpReply:
    return HttpReply(code, {"error": _error(code, kind, message)})
