"""The models of a service: by name, loaded when first wanted, shared by all who call them.

A request names a model; where it runs and with which key is the server's business. A model's library is
imported when the model is loaded: a service runs without torch until somebody asks for a model that needs it.

Left out: unloading a model that nobody uses.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from autoflow.llm import tiny
from autoflow.llm.adapters import AdapterFolders
from autoflow.llm.base import LanguageModel, ModelUnavailable, UnknownModel
from autoflow.settings import from_env
from autoflow.store.artifacts import ArtifactStore

Loader = Callable[[], Coroutine[Any, Any, LanguageModel]]
"""Loads a model. Must not block the event loop."""

_LOAD_SECONDS = 60.0
_CLOSE_SECONDS = 60.0
"""More than a model itself takes for what runs."""


class Catalogue:
    """Language models by name. For use in one event loop.

    Args:
        loaders: how each model is loaded; nothing is loaded yet.
        preload: names of the models that `start` loads.
    """

    def __init__(self, loaders: Mapping[str, Loader], preload: Sequence[str] = ()) -> None:
        self._loaders = dict(loaders)
        self._preload = tuple(preload)
        self._loads: dict[str, asyncio.Task[LanguageModel]] = {}
        self._closed = False

    @property
    def names(self) -> tuple[str, ...]:
        """The models' names, in alphabetical order."""
        return tuple(sorted(self._loaders))

    async def get(self, name: str) -> LanguageModel:
        """The model of that name. Callers who come while it is loaded wait for the same load.

        A load that failed is tried again by the next caller, and so is that of a model that has broken down;
        a caller who is cancelled leaves it running.

        Raises:
            UnknownModel: there is none of that name, or what it needs is not installed.
            ModelUnavailable: the catalogue is closed.
        """
        if self._closed:
            raise ModelUnavailable("the service is stopping")
        load = self._loads.get(name)
        if load is None or (load.done() and not _is_alive(load)):
            if name not in self._loaders:
                raise UnknownModel(
                    f"no model is named {name!r}; there are: {', '.join(self.names) or 'none'}"
                )
            former = None if load is None else _loaded(load)
            load = self._loads[name] = asyncio.create_task(self._load(name, former))
        return load.result() if load.done() else await asyncio.shield(load)

    async def start(self) -> None:
        """Loads the models that are to be preloaded.

        Raises:
            UnknownModel: as `get`.
        """
        await asyncio.gather(*(self.get(name) for name in self._preload))

    async def ready(self) -> bool:
        """Whether the models that are to be preloaded are there and alive, and the catalogue is open."""
        loads = [self._loads.get(name) for name in self._preload]
        return all(load is not None and _is_alive(load) for load in loads) and not self._closed

    async def close(self) -> None:
        """Closes the models, those that are being loaded as soon as they are. Later calls of `get` fail."""
        self._closed = True
        loads = list(self._loads.values())
        if loads:
            # A load in a thread cannot be cancelled; a model that nobody closes may keep the process alive.
            await asyncio.wait(loads, timeout=_LOAD_SECONDS)
        models = [model for load in loads if (model := _loaded(load)) is not None]
        async with asyncio.timeout(_CLOSE_SECONDS):
            await asyncio.gather(*(model.close() for model in models))

    async def _load(self, name: str, former: LanguageModel | None) -> LanguageModel:
        if former is not None:
            # It may still hold memory that the next one needs.
            await former.close()
        return await self._loaders[name]()


@dataclass(frozen=True, slots=True)
class CatalogueSettings:
    """Settings of a service's models; `autoflow.settings.from_env` reads them."""

    artifacts: str = ""
    """URL or folder of the artifact store that adapters come from. Empty: there are no adapters."""
    adapter_cache: Path = Path("~/.cache/autoflow/adapters")
    """Where adapters are kept once they are fetched."""
    preload_models: str = "installed"
    """Models to load before the service is ready: names with commas between, `none`, or `installed` for all
    whose libraries are installed."""


def default_catalogue(env: Mapping[str, str]) -> Catalogue:
    """The models that every installation knows: `embedded`.

    Its library comes with the extra `local`; without it, asking for the model fails and says so.

    Args:
        env: the environment; `CatalogueSettings` are read now, `LocalSettings` when the model is loaded.

    Raises:
        SettingsError: a setting cannot be read.
    """
    settings = from_env(CatalogueSettings, env)
    store = ArtifactStore(settings.artifacts) if settings.artifacts else None
    adapters = AdapterFolders(store, settings.adapter_cache.expanduser())
    loaders = {tiny.NAME: partial(_load_embedded, env, adapters)}
    return Catalogue(loaders, _to_preload(settings.preload_models))


def _to_preload(setting: str) -> tuple[str, ...]:
    if setting == "none":
        return ()
    if setting == "installed":
        return (tiny.NAME,) if _local_is_installed() else ()
    return tuple(name.strip() for name in setting.split(",") if name.strip())


def _loaded(load: asyncio.Task[LanguageModel]) -> LanguageModel | None:
    """What came of a load; None where it runs still, or has failed."""
    if not load.done() or load.cancelled() or load.exception() is not None:
        return None
    return load.result()


def _is_alive(load: asyncio.Task[LanguageModel]) -> bool:
    model = _loaded(load)
    return model is not None and model.alive


def _local_is_installed() -> bool:
    return all(find_spec(module) is not None for module in ("torch", "transformers"))


async def _load_embedded(env: Mapping[str, str], adapters: AdapterFolders) -> LanguageModel:
    if not _local_is_installed():
        raise UnknownModel(f"the model {tiny.NAME!r} needs torch: pip install 'autoflow-services[local]'")
    return await asyncio.to_thread(_load_embedded_here, env, adapters)


def _load_embedded_here(env: Mapping[str, str], adapters: AdapterFolders) -> LanguageModel:
    from autoflow.llm.local import LocalModel, LocalSettings

    settings = from_env(LocalSettings, env)
    return LocalModel.load(tiny.NAME, tiny.path(), adapters=adapters, settings=settings)
