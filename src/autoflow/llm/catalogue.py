"""The models of a service: by name, loaded when first wanted, shared by all who call them.

A request names a model; where it runs and with which key is the server's business. A model's library is
imported when the model is loaded: a service runs without torch until somebody asks for a model that needs it.
The catalogue's file is read, and what reading it needs is imported, only where one is named.

Left out: unloading a model that nobody uses, and reading the file again while a service runs.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from autoflow.llm import tiny
from autoflow.llm.adapters import AdapterFolders, Folders
from autoflow.llm.base import (
    Capabilities,
    Embedder,
    LanguageModel,
    ModelUnavailable,
    UnknownModel,
    Unsupported,
)
from autoflow.llm.descriptions import ModelDescription
from autoflow.llm.loads import Loads, is_alive
from autoflow.llm.local_settings import LocalSettings
from autoflow.settings import from_env
from autoflow.store.artifacts import ArtifactStore

Loader = Callable[[], Coroutine[Any, Any, LanguageModel]]
"""Loads a model. Must not block the event loop."""

Pretender = Callable[[Capabilities], Coroutine[Any, Any, LanguageModel]]
"""The same, as if the model could just that."""

EmbedderLoader = Callable[[], Coroutine[Any, Any, Embedder]]
"""Loads a model that makes embeddings. Must not block the event loop."""

LOCAL_CAPABILITIES = Capabilities(
    grammar=True, choice=True, seed=True, log_probs=True, token_ids=True, adapters=True
)
"""What every model can that runs in this process."""

_NEEDS_LOCAL = "needs torch: pip install 'autoflow-services[local]'"


@dataclass(frozen=True, slots=True)
class Entry:
    """A model of a catalogue."""

    description: ModelDescription
    load: Loader
    load_as: Pretender | None = None
    """Loads it as if it had other capabilities, for `autoflow.llm.probe`; None where a model knows by itself
    what it can."""
    load_embedder: EmbedderLoader | None = None
    """Loads what makes embeddings for those who call it; None: the catalogue's, where it has one."""
    weights: Path | None = None
    """The folder that it is loaded from; None where it is served elsewhere."""


class Catalogue:
    """Language models by name. For use in one event loop.

    Args:
        entries: the models, each of another name; nothing is loaded yet.
        preload: names of the models that `start` loads.
        embedder: loads what makes embeddings for models that have nothing of their own; None: nothing does.
    """

    def __init__(
        self,
        entries: Iterable[Entry],
        preload: Sequence[str] = (),
        *,
        embedder: EmbedderLoader | None = None,
    ) -> None:
        self._entries = {entry.description.name: entry for entry in entries}
        self._preload = tuple(preload)
        self._embedder = embedder
        self._models = Loads[LanguageModel]()
        self._embedders = Loads[Embedder]()
        self._closed = False

    @property
    def names(self) -> tuple[str, ...]:
        """The models' names, in alphabetical order."""
        return tuple(sorted(self._entries))

    @property
    def descriptions(self) -> tuple[ModelDescription, ...]:
        """What is stated about each model, in alphabetical order of their names."""
        return tuple(self._entries[name].description for name in self.names)

    def description(self, name: str) -> ModelDescription:
        """What is stated about the model of that name.

        Raises:
            UnknownModel: as `get`.
        """
        return self._entry(name).description

    async def get(self, name: str) -> LanguageModel:
        """The model of that name, loaded where it is not there; see `Loads`.

        Raises:
            UnknownModel: there is none of that name, or its library or key is missing.
            ModelUnavailable: the catalogue is closed.
        """
        self._check_open()
        return await self._models.get(name, self._entry(name).load)

    async def embedder(self, name: str) -> Embedder:
        """What makes embeddings for those who call the model of that name.

        Raises:
            UnknownModel: as `get`.
            Unsupported: nothing does.
            ModelUnavailable: the catalogue is closed.
        """
        self._check_open()
        if (load := self._entry(name).load_embedder) is not None:
            return await self._embedders.get(name, load)
        if self._embedder is None:
            raise Unsupported(
                f"nothing makes embeddings for the model {name!r}: state `embeddings` in its entry of the "
                "catalogue's file, or name a text encoder's folder in AUTOFLOW_EMBEDDER"
            )
        # No model has an empty name.
        return await self._embedders.get("", self._embedder)

    def pretender(self, name: str) -> Pretender | None:
        """Loads the model of that name as if it had other capabilities, for a caller who closes it.

        Returns:
            The function; None where a model knows by itself what it can.

        Raises:
            UnknownModel: as `get`.
        """
        return self._entry(name).load_as

    def weights(self, name: str) -> Path | None:
        """The folder that the model of that name is loaded from; None where it is served elsewhere.

        Raises:
            UnknownModel: as `get`.
        """
        return self._entry(name).weights

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
        loads = [self._models.begin(name, self._entry(name).load) for name in self._preload]
        return all(is_alive(load) for load in loads)

    async def close(self) -> None:
        """Closes all models, those that are being loaded as soon as they are. Later calls of `get` fail."""
        self._closed = True
        await asyncio.gather(self._models.close(), self._embedders.close())

    def _check_open(self) -> None:
        if self._closed:
            raise ModelUnavailable("the service is stopping")

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
    embedder: str = ""
    """Folder of a text encoder (safetensors, such as all-MiniLM-L6-v2), which makes embeddings in this
    process for models whose entries state none; it needs the extra `local`. Empty: nothing does."""
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
    store = ArtifactStore(settings.artifacts) if settings.artifacts else None
    folders = AdapterFolders(store, settings.adapter_cache.expanduser())
    entries = [_embedded(from_env(LocalSettings, env), folders)]
    if settings.models:
        # It needs pydantic and yaml.
        from autoflow.llm.catalogue_file import read_catalogue

        entries += read_catalogue(Path(settings.models).expanduser(), env, folders)
    embedder = partial(asyncio.to_thread, _load_embedder, settings.embedder) if settings.embedder else None
    return Catalogue(entries, _to_preload(settings.preload_models), embedder=embedder)


def _to_preload(setting: str) -> tuple[str, ...]:
    if setting == "none":
        return ()
    if setting == "installed":
        return (tiny.NAME,) if _local_is_installed() else ()
    return tuple(name.strip() for name in setting.split(",") if name.strip())


def _local_is_installed() -> bool:
    return all(find_spec(module) is not None for module in ("torch", "transformers"))


def local_entry(description: ModelDescription, folder: Path, local: LocalSettings, folders: Folders) -> Entry:
    """A model that runs in this process.

    Args:
        description: what is stated about it; without what it needs, it is one that cannot be called.
        folder: its weights and its tokenizer.
        local: how it runs.
        folders: where its adapters are.
    """
    if not _local_is_installed():
        description = replace(description, unavailable_reason=f"it {_NEEDS_LOCAL}")
    load = partial(asyncio.to_thread, _load_local, description.name, folder, local, folders)
    return Entry(description, load, weights=folder)


def _embedded(local: LocalSettings, folders: Folders) -> Entry:
    description = ModelDescription(
        tiny.NAME,
        provider="embedded",
        capabilities=LOCAL_CAPABILITIES,
        context_tokens=min(local.context or tiny.CONTEXT_TOKENS, tiny.CONTEXT_TOKENS),
    )
    return local_entry(description, tiny.path(), local, folders)


def _load_local(name: str, folder: Path, settings: LocalSettings, folders: Folders) -> LanguageModel:
    # It needs torch.
    from autoflow.llm.local import LocalModel

    return LocalModel.load(name, folder, adapters=folders, settings=settings)


def _load_embedder(folder: str) -> Embedder:
    if not _local_is_installed():
        raise Unsupported(f"AUTOFLOW_EMBEDDER {_NEEDS_LOCAL}")
    # It needs torch.
    from autoflow.llm.local import LocalEmbedder

    return LocalEmbedder.load(Path(folder).expanduser())
