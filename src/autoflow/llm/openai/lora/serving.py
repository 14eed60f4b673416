"""Which adapters are on which replica, and what it takes that the next one is on all of them.

A call may be answered by any replica, so an adapter is loaded on every one of them before the first call is
made with it, at once everywhere, and once for however many calls wait for it. A replica that cannot be
reached does not hold calls back that others can answer: whatever spreads the calls does not send them there
either. It is asked again now and then, and should it come back and be called before it has the adapter, it
answers 404, upon which all are looked at anew and the call is made again.

A replica that *refuses* an adapter fails the call, since the samples would depend on who draws them.

Left out: unloading what other processes have loaded, and what an earlier life of this one has. vLLM itself
keeps no more weights than `--max-cpu-loras` says; a name costs it next to nothing.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TypeAlias

from autoflow.llm.adapters import Folders
from autoflow.llm.base import LanguageModelError, ModelRejected, ModelUnavailable, UnknownAdapter
from autoflow.llm.openai.endpoint import AdapterServing, Endpoint
from autoflow.llm.openai.lora.addresses import Addresses, Lookup, Replica, addresses_of
from autoflow.llm.openai.lora.api import AdapterApi
from autoflow.llm.openai.lora.names import served_name

_log = logging.getLogger(__name__)

_Loading: TypeAlias = asyncio.Task[LanguageModelError | None]
"""What came of loading an adapter on a replica."""


@dataclass(eq=False, slots=True)
class _Adapter:
    name: str
    path: str
    """As the replicas see it."""
    users: int = 0
    on: set[Replica] = field(default_factory=set)
    """Who has it."""
    loading: dict[Replica, _Loading] = field(default_factory=dict)
    generation: int = 0
    """How often `on` was found to be wrong."""


class ServedAdapters:
    """The adapters of one endpoint. For use in one event loop.

    Args:
        endpoint: the endpoint, whose `adapters` are stated.
        folders: where adapters are on this machine.
        rng: draws the waits between attempts.
        lookup: finds the addresses of a name.
    """

    def __init__(
        self,
        endpoint: Endpoint,
        folders: Folders,
        rng: random.Random | None = None,
        lookup: Lookup = addresses_of,
    ) -> None:
        self._endpoint = endpoint
        self._serving = endpoint.adapters or AdapterServing()
        self._folders = folders
        self._addresses = Addresses(endpoint, self._serving, lookup)
        self._api = AdapterApi(endpoint, rng)
        self._adapters: dict[str, _Adapter] = {}
        """By digest, the most recently used one last."""
        self._finding = asyncio.Lock()
        self._unloading: dict[str, asyncio.Task[None]] = {}
        self._away: dict[Replica, float] = {}
        """Who could not be reached, and until when nobody asks again."""

    @asynccontextmanager
    async def using(self, digest: str) -> AsyncIterator[Lease]:
        """Keeps an adapter from being unloaded for the length of the block.

        Raises:
            UnknownAdapter: there is none of that digest.
        """
        adapter = await self._find(digest)
        adapter.users += 1
        try:
            yield Lease(self, adapter)
        finally:
            adapter.users -= 1
            if not (adapter.users or adapter.on or adapter.loading):
                # What nobody could load takes no room.
                self._adapters.pop(digest, None)
            self._make_room()

    async def check(self) -> int:
        """Asks every replica whether it would load adapters.

        Returns:
            How many there are.

        Raises:
            LanguageModelError: one would not, or cannot be reached.
        """
        replicas = await self._addresses.now()
        deadline = self._deadline()
        await asyncio.gather(*(self._api.check(replica, deadline) for replica in replicas))
        return len(replicas)

    async def close(self) -> None:
        """Stops what is being loaded and closes the connections; what is loaded stays loaded."""
        loading = [task for adapter in self._adapters.values() for task in adapter.loading.values()]
        tasks = [*loading, *self._unloading.values()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self._api.close()

    async def make_ready(self, adapter: _Adapter) -> None:
        """As `Lease.ready`."""
        replicas = await self._addresses.now()
        missing = [replica for replica in replicas if replica not in adapter.on]
        if not missing:
            return
        awaited = [replica for replica in missing if replica not in self._away]
        if not awaited and len(missing) == len(replicas):
            awaited = missing
        tasks = [self._begin(adapter, replica) for replica in awaited]
        for replica in missing:
            if self._away.get(replica, 0) <= self._now():
                self._begin(adapter, replica)
        if tasks:
            await asyncio.wait(tasks)
        failures = [error for task in tasks if (error := task.result()) is not None]
        for error in failures:
            if isinstance(error, UnknownAdapter | ModelRejected):
                raise type(error)(f"the model {self._endpoint.name!r}: {error}")
        if adapter.on.isdisjoint(replicas):
            why = failures[0] if failures else "they are gone"
            raise ModelUnavailable(f"no replica has the adapter {adapter.name}: {why}")

    def lost(self, adapter: _Adapter) -> None:
        """Notes that not all who should have an adapter have it: all are looked at anew, at once."""
        adapter.generation += 1
        adapter.on.clear()
        self._away.clear()

    async def _find(self, digest: str) -> _Adapter:
        if digest in self._adapters:
            # Whoever has to be fetched keeps nobody else waiting.
            return self._used(digest, self._adapters[digest])
        async with self._finding:
            while (leaving := self._unloading.get(digest)) is not None:
                await asyncio.wait([leaving])
            adapter = self._adapters.get(digest)
            if adapter is None:
                adapter = await asyncio.to_thread(self._described, digest)
            return self._used(digest, adapter)

    def _used(self, digest: str, adapter: _Adapter) -> _Adapter:
        self._adapters.pop(digest, None)
        self._adapters[digest] = adapter
        return adapter

    def _described(self, digest: str) -> _Adapter:
        folder = self._folders(digest)
        hexadecimal = digest.removeprefix("sha256:")
        template = self._serving.folder
        path = template.replace("{digest}", hexadecimal) if template else str(folder.absolute())
        return _Adapter(served_name(folder, hexadecimal), path)

    def _begin(self, adapter: _Adapter, replica: Replica) -> _Loading:
        """The loading of an adapter on a replica, begun where it is not under way."""
        loading = adapter.loading.get(replica)
        if loading is None:
            loading = adapter.loading[replica] = asyncio.create_task(self._load(adapter, replica))
        return loading

    async def _load(self, adapter: _Adapter, replica: Replica) -> LanguageModelError | None:
        """Returns what went wrong, for nobody may be waiting any more."""
        deadline = self._deadline()
        try:
            async with asyncio.timeout_at(deadline):
                await self._api.load(replica, adapter.name, adapter.path, deadline)
        except LanguageModelError as error:
            failure: LanguageModelError = error
        except TimeoutError:
            failure = ModelUnavailable(f"a replica took more than {self._serving.load_timeout:g} seconds")
        else:
            adapter.on.add(replica)
            self._away.pop(replica, None)
            _log.info("model %s: a replica has the adapter %s", self._endpoint.name, adapter.name)
            return None
        finally:
            adapter.loading.pop(replica, None)
        if not isinstance(failure, UnknownAdapter | ModelRejected):
            self._away[replica] = self._now() + self._serving.refresh
        _log.warning("model %s: adapter %s: %s", self._endpoint.name, adapter.name, failure)
        return failure

    def _make_room(self) -> None:
        idle = [digest for digest, adapter in self._adapters.items() if not adapter.users]
        for digest in idle[: max(0, len(self._adapters) - self._serving.keep)]:
            adapter = self._adapters.pop(digest)
            self._unloading[digest] = asyncio.create_task(self._unload(digest, adapter))

    async def _unload(self, digest: str, adapter: _Adapter) -> None:
        """Best effort: what stays loaded costs the replica little."""
        try:
            if adapter.loading:
                await asyncio.wait(list(adapter.loading.values()))
            await asyncio.gather(*(self._unload_from(replica, adapter.name) for replica in adapter.on))
        finally:
            # Whoever wants it again waits for this to go.
            del self._unloading[digest]

    async def _unload_from(self, replica: Replica, name: str) -> None:
        deadline = self._deadline()
        try:
            async with asyncio.timeout_at(deadline):
                await self._api.unload(replica, name, deadline)
        except (LanguageModelError, TimeoutError):
            _log.info("model %s: the adapter %s stays on a replica", self._endpoint.name, name)

    def _deadline(self) -> float:
        return self._now() + self._serving.load_timeout

    @staticmethod
    def _now() -> float:
        return asyncio.get_running_loop().time()


class Lease:
    """An adapter that stays loaded while a call uses it."""

    def __init__(self, adapters: ServedAdapters, adapter: _Adapter) -> None:
        self._adapters = adapters
        self._adapter = adapter
        self._seen = adapter.generation

    @property
    def name(self) -> str:
        """What the replicas call it."""
        return self._adapter.name

    async def ready(self) -> None:
        """Sees to it that every replica has the adapter, but those that cannot be reached.

        Cancelling it leaves the loading running, for others who wait.

        Raises:
            UnknownAdapter: a replica does not find it, or cannot use it.
            ModelRejected: a replica loads no adapters.
            ModelUnavailable: no replica could be reached.
        """
        self._seen = self._adapter.generation
        await self._adapters.make_ready(self._adapter)

    def lost(self) -> None:
        """Tells that the adapter was not there, although it was made ready."""
        if self._seen == self._adapter.generation:
            self._adapters.lost(self._adapter)
