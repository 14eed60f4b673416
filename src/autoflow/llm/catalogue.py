"""The models of a service: by name, loaded when first wanted, shared by all who call them.

A request names a model; where it runs and with which key is the server's business. A model's library is
imported when the model is loaded: a service runs without torch until somebody asks for a model that needs it.
The catalogue's file is read, and what reading it needs is imported, only where one is named.

Left out: unloading a model that nobody uses, and reading the file again while a service runs.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from autoflow.llm import tiny
from autoflow.llm.adapters import AdapterFolders
from autoflow.llm.base import Capabilities, LanguageModel, ModelUnavailable, UnknownModel
from autoflow.llm.descriptions import ModelDescription
from autoflow.llm.local_settings import LocalSettings
from autoflow.settings import from_env
from autoflow.store.artifacts import ArtifactStore

Loader = Callable[[], Coroutine[Any, Any, LanguageModel]]
"""Loads a model. Must not block the event loop."""

Pretender = Callable[[Capabilities], Coroutine[Any, Any, LanguageModel]]
"""The same, as if the model could just that."""

_LOAD_SECONDS = 60.0
_CLOSE_SECONDS = 60.0
"""More than a model itself takes for what runs."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A model of a catalogue."""

    description: ModelDescription
    load: Loader
    load_as: Pretender | None = None
    """Loads it as if it had other capabilities, for `autoflow.llm.probe`; None where a model knows by itself
    what it can."""


class Catalogue:
    """Language models by name. For use in one event loop.

    Args:
        entries: the models, each of another name; nothing is loaded yet.
        preload: names of the models that `start` loads.
    """

    def __init__(self, entries: Iterable[Entry], preload: Sequence[str] = ()) -> None:
        self._entries = {entry.description.name: entry for entry in entries}
        self._preload = tuple(preload)
        self._loads: dict[str, asyncio.Task[LanguageModel]] = {}
        self._closed = False

    @property
    def names(self) -> tuple[str, ...]:
        """The models' names, in alphabetical order."""
        return tuple(sorted(self._entries))

    @property
    def descriptions(self) -> tuple[ModelDescription, ...]:
        """What is stated about each model, in alphabetical order of their names."""
        return tuple(self._entries[name].description for name in self.names)

    async def get(self, name: str) -> LanguageModel:
        """The model of that name. Callers who come while it is loaded wait for the same load.

        A load that failed is tried again by the next caller, and so is that of a model that has broken down;
        a caller who is cancelled leaves it running.

        Raises:
            UnknownModel: there is none of that name, or its library or key is missing.
            ModelUnavailable: the catalogue is closed.
        """
        if self._closed:
            raise ModelUnavailable("the service is stopping")
        load = self._loading(name)
        return load.result() if load.done() else await asyncio.shield(load)

    def pretender(self, name: str) -> Pretender | None:
        """Loads the model of that name as if it had other capabilities, for a caller who closes it.

        Returns:
            The function; None where a model knows by itself what it can.

        Raises:
            UnknownModel: as `get`.
        """
        return self._entry(name).load_as

    async def start(self) -> None:
        """Loads the models that are to be preloaded.

        Raises:
            UnknownModel: as `get`.
        """
        await asyncio.gather(*(self.get(name) for name in self._preload))

    async def ready(self) -> bool:
        """Whether the models that are to be preloaded are there and alive, and the catalogue is open.

        One that has broken down is loaded anew, since nobody may call a service that says it is not ready.
        """
        if self._closed:
            return False
        loads = [self._loading(name) for name in self._preload]
        return all(_is_alive(load) for load in loads)

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

    def _loading(self, name: str) -> asyncio.Task[LanguageModel]:
        """The load of a model, begun anew where there is none, or nothing alive has come of it."""
        load = self._loads.get(name)
        if load is None or (load.done() and not _is_alive(load)):
            entry = self._entry(name)
            former = None if load is None else _loaded(load)
            load = self._loads[name] = asyncio.create_task(_load(entry.load, former))
        return load

    def _entry(self, name: str) -> Entry:
        entry = self._entries.get(name)
        if entry is None:
            raise UnknownModel(f"no model is named {name!r}; there are: {', '.join(self.names) or 'none'}")
        if entry.description.unavailable_reason:
            raise UnknownModel(f"the model {name!r} cannot be called: {entry.description.unavailable_reason}")
        return entry


@dataclass(frozen=True, slots=True)
class CatalogueSettings:
    """Settings of a service's models; `autoflow.settings.from_env` reads them."""

    models: str = ""
    """The catalogue's file (docs/models.md). Empty: `embedded` is the only model."""
    artifacts: str = ""
    """URL or folder of the artifact store that adapters come from. Empty: there are no adapters."""
    adapter_cache: Path = Path("~/.cache/autoflow/adapters")
    """Where adapters are kept once they are fetched."""
    preload_models: str = "installed"
    """Models to load before the service is ready: names with commas between, `none`, or `installed` for all
    whose libraries are installed."""


def default_catalogue(env: Mapping[str, str]) -> Catalogue:
    """`embedded`, which every installation knows, and the models of the catalogue's file.

    The library of `embedded` comes with the extra `local`; without it, asking for the model fails and says
    so.

    Args:
        env: the environment, with the keys that the file names.

    Raises:
        SettingsError: a setting, or the file, cannot be read.
    """
    settings = from_env(CatalogueSettings, env)
    entries = [_embedded(settings, from_env(LocalSettings, env))]
    if settings.models:
        # It needs pydantic and yaml.
        from autoflow.llm.catalogue_file import read_catalogue

        entries += read_catalogue(Path(settings.models).expanduser(), env)
    return Catalogue(entries, _to_preload(settings.preload_models))


def _to_preload(setting: str) -> tuple[str, ...]:
    if setting == "none":
        return ()
    if setting == "installed":
        return (tiny.NAME,) if _local_is_installed() else ()
    return tuple(name.strip() for name in setting.split(",") if name.strip())


async def _load(load: Loader, former: LanguageModel | None) -> LanguageModel:
    if former is not None:
        # It may still hold memory that the next one needs.
        await former.close()
    return await load()


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


def _embedded(settings: CatalogueSettings, local: LocalSettings) -> Entry:
    store = ArtifactStore(settings.artifacts) if settings.artifacts else None
    adapters = AdapterFolders(store, settings.adapter_cache.expanduser())
    missing = "" if _local_is_installed() else "it needs torch: pip install 'autoflow-services[local]'"
    description = ModelDescription(
        tiny.NAME,
        provider="embedded",
        capabilities=Capabilities(
            grammar=True, choice=True, seed=True, log_probs=True, token_ids=True, adapters=True
        ),
        context_tokens=min(local.context or tiny.CONTEXT_TOKENS, tiny.CONTEXT_TOKENS),
        unavailable_reason=missing,
    )
    return Entry(description, partial(asyncio.to_thread, _load_embedded, local, adapters))


def _load_embedded(settings: LocalSettings, adapters: AdapterFolders) -> LanguageModel:
    # It needs torch.
    from autoflow.llm.local import LocalModel

    return LocalModel.load(tiny.NAME, tiny.path(), adapters=adapters, settings=settings)
