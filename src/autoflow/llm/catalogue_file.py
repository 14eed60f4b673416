"""Reads a catalogue's file: which endpoints there are, what they can, what they cost (docs/models.md).

The file holds the *name* of the variable that a key is in, never the key, so it can be kept with other code.
An error names file, model and field, and quotes no value: a key that was written into the wrong place must
not go on into a log.

Left out: reading a folder of files, and asking endpoints which models they have. It does not protect against
a file that states more than an endpoint can; `autoflow models check` tells.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from autoflow.llm.adapters import Folders, no_adapters
from autoflow.llm.base import Capabilities, Embedder, LanguageModel, LanguageModelError, UnknownModel
from autoflow.llm.catalogue import LOCAL_CAPABILITIES, Entry, local_entry
from autoflow.llm.catalogue_schema import (
    CatalogueFile,
    EndpointModel,
    LocalModelFolder,
    ModelAdapters,
    ModelCapabilities,
    ModelPrices,
)
from autoflow.llm.descriptions import ModelDescription, Prices
from autoflow.llm.local_settings import LocalSettings
from autoflow.settings import SettingsError, from_env
from autoflow.settings_file import read_yaml

if TYPE_CHECKING:
    from autoflow.llm.openai import AdapterServing, Endpoint

_log = logging.getLogger(__name__)

_PROVIDERS = ("openai", "local")
_TAGS = frozenset((2, provider) for provider in _PROVIDERS)
_CONFIG = "config.json"


def read_catalogue(path: Path, env: Mapping[str, str], folders: Folders = no_adapters) -> list[Entry]:
    """Reads a file.

    Args:
        path: the file.
        env: where keys are looked up. A model whose key is missing or cannot be sent is listed and cannot be
            called. Settings of models in this process are read from there, too.
        folders: where adapters are.

    Returns:
        Its models; nothing is loaded or connected yet.

    Raises:
        SettingsError: the file cannot be read or says something else than a catalogue.
    """
    document = read_yaml(path)
    try:
        found = CatalogueFile.model_validate(document)
    except ValidationError as error:
        raise SettingsError(f"{path}: {'; '.join(_findings(error))}") from None
    return [
        _in_folder(name, model, path.parent, env, folders)
        if isinstance(model, LocalModelFolder)
        else _at_endpoint(name, model, env, folders)
        for name, model in found.models.items()
    ]


def _findings(error: ValidationError) -> Iterator[str]:
    for found in error.errors(include_url=False, include_input=False, include_context=False):
        # The third part is the provider's name, which nobody has written there.
        parts = [part for at, part in enumerate(found["loc"]) if part != "[key]" and (at, part) not in _TAGS]
        if found["type"] == "union_tag_invalid":
            parts.append("provider")
        place, words = ".".join(map(str, parts)), _words(found)
        yield f"{place}: {words}" if place else words


def _words(found: ErrorDetails) -> str:
    match found["type"], found["loc"][-1:]:
        case "union_tag_invalid", _:
            return f"Input should be {' or '.join(map(repr, _PROVIDERS))}"
        case "extra_forbidden", (field,) if "key" in str(field).lower():
            return "there is no such field; key_variable names the variable that holds the key"
        case "extra_forbidden", _:
            return "there is no such field"
        case "string_pattern_mismatch", ("key_variable",):
            return "it is the name of a variable, and never the key itself"
    return found["msg"].removeprefix("Value error, ")


def _in_folder(
    name: str, model: LocalModelFolder, beside: Path, env: Mapping[str, str], folders: Folders
) -> Entry:
    folder = beside / Path(model.path).expanduser()
    local = from_env(LocalSettings, env)
    local = replace(local, context=model.context_tokens or local.context)
    made_for = _made_for(folder)
    description = ModelDescription(
        name,
        provider=model.provider,
        capabilities=LOCAL_CAPABILITIES,
        context_tokens=min(local.context or made_for or 0, made_for or local.context),
        unavailable_reason=""
        if made_for is not None
        else f"path: there is no {_CONFIG} of a model in that folder",
    )
    entry = local_entry(description, folder, local, folders)

    async def load() -> LanguageModel:
        try:
            return await entry.load()
        except LanguageModelError:
            raise
        except Exception as error:
            # Libraries raise errors of any kind for files that are not what they should be, and quote paths.
            _log.warning("model %s: it cannot be loaded", name, exc_info=error)
            why = f"{type(error).__name__}: {error}".replace(str(folder), "the folder").partition("\n")[0]
        raise UnknownModel(
            f"the model {name!r} cannot be called: path: no model can be loaded from it: {why}"
        )

    return replace(entry, load=load)


def _made_for(folder: Path) -> int | None:
    """The tokens that a model was made for; 0 where it does not say, None where there is no model."""
    try:
        config = json.loads((folder / _CONFIG).read_bytes())
    except (OSError, ValueError, RecursionError):
        return None
    said = config.get("max_position_embeddings") if isinstance(config, dict) else None
    return said if isinstance(said, int) else 0


def _at_endpoint(name: str, model: EndpointModel, env: Mapping[str, str], folders: Folders) -> Entry:
    stated = _stated(model.capabilities, model.adapters)
    description = ModelDescription(
        name,
        provider=model.provider,
        capabilities=stated,
        context_tokens=model.context_tokens,
        prices=_prices(model.prices),
        unavailable_reason=_without_key(model.key_variable, env),
    )

    async def load() -> LanguageModel:
        return await load_as(stated)

    async def load_as(capabilities: Capabilities) -> LanguageModel:
        return await asyncio.to_thread(_load, name, model, capabilities, env, folders)

    async def load_embedder() -> Embedder:
        return await asyncio.to_thread(_load_embedder, name, model, env)

    return Entry(description, load, load_as, load_embedder if model.embeddings else None)


def _load(
    name: str, model: EndpointModel, capabilities: Capabilities, env: Mapping[str, str], folders: Folders
) -> LanguageModel:
    # The package of a provider takes a second to import, and may not be there.
    from autoflow.llm.openai import OpenAIModel

    return OpenAIModel(_endpoint(name, model, capabilities, env), folders=folders)


def _load_embedder(name: str, model: EndpointModel, env: Mapping[str, str]) -> Embedder:
    from autoflow.llm.openai import OpenAIEmbedder

    embeddings = model.embeddings
    assert embeddings is not None, "it was asked for because it is stated"
    endpoint = replace(
        _endpoint(name, model, Capabilities(), env),
        name=f"{name}/embeddings",
        model=embeddings.model,
        base_url=embeddings.endpoint or model.endpoint,
        prices=None if embeddings.price is None else Prices(prompt=embeddings.price),
    )
    return OpenAIEmbedder(endpoint)


def _stated(can: ModelCapabilities, adapters: ModelAdapters | None) -> Capabilities:
    return Capabilities(
        **can.model_dump(exclude={"grammar"}),
        grammar=can.grammar is not None,
        adapters=adapters is not None,
    )


def _prices(prices: ModelPrices | None) -> Prices | None:
    if prices is None:
        return None
    cached = prices.prompt if prices.cached is None else prices.cached
    return Prices(prompt=prices.prompt, cached=cached, completion=prices.completion)


def _without_key(variable: str | None, env: Mapping[str, str]) -> str:
    """Why there is no key to call with; empty where there is one, or none is wanted."""
    if variable is None:
        return ""
    key = env.get(variable, "")
    if not key:
        return f"its key is missing: {variable} is not set"
    if not (key.isascii() and key.isprintable()):
        return f"its key cannot be sent: {variable} holds what no HTTP header can, such as the end of a line"
    return ""


def _endpoint(
    name: str, model: EndpointModel, capabilities: Capabilities, env: Mapping[str, str]
) -> Endpoint:
    from autoflow.llm.openai import Endpoint, GrammarStyle, MaxTokensField

    # Whoever tries a grammar where none is stated tries that of servers which drop it in silence.
    style = model.capabilities.grammar or ("vllm" if capabilities.grammar else None)
    return Endpoint(
        name=name,
        model=model.model,
        base_url=model.endpoint,
        api_key=env.get(model.key_variable, "") if model.key_variable else "",
        capabilities=capabilities,
        grammar=None if style is None else GrammarStyle(style),
        prices=_prices(model.prices),
        context_tokens=model.context_tokens,
        max_tokens_field=MaxTokensField(model.max_tokens_field),
        temperature=model.temperature,
        adapters=None if model.adapters is None else _serving(model.adapters),
        **model.limits.model_dump(exclude_none=True),
    )


def _serving(adapters: ModelAdapters) -> AdapterServing:
    from autoflow.llm.openai import AdapterServing

    return AdapterServing(**adapters.model_dump(exclude={"provider"}, exclude_none=True))
