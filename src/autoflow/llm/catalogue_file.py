"""Reads a catalogue's file: which endpoints there are, what they can, what they cost (docs/models.md).

The file holds the *name* of the variable that a key is in, never the key, so it can be kept with other code.
An error names file, model and field, and quotes no value: a key that was written into the wrong place must
not go on into a log.

Left out: reading a folder of files, and asking endpoints which models they have. It does not protect against
a file that states more than an endpoint can; `autoflow models check` tells.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, Self

from pydantic import AfterValidator, Field, ValidationError, model_validator

from autoflow.llm import tiny
from autoflow.llm.base import Capabilities, Embedder, LanguageModel
from autoflow.llm.catalogue import Entry
from autoflow.llm.descriptions import ModelDescription, Prices
from autoflow.settings import SettingsError
from autoflow.settings_file import Strict, plain_url, read_yaml

if TYPE_CHECKING:
    from autoflow.llm.openai import Endpoint

_NAME = r"^[A-Za-z0-9][A-Za-z0-9._/-]{0,127}$"
"""As in `ModelRef` of the contract."""

_Name = Annotated[str, Field(pattern=_NAME)]
_Price = Annotated[float, Field(ge=0, allow_inf_nan=False)]
_Seconds = Annotated[float, Field(gt=0, le=3600)]


def _not_taken(models: dict[str, Model]) -> dict[str, Model]:
    if tiny.NAME in models:
        raise ValueError(f"{tiny.NAME!r} comes with every installation and cannot be defined anew")
    return models


class ModelPrices(Strict):
    """US dollars for a million tokens."""

    prompt: _Price
    completion: _Price
    cached: _Price | None = None
    """Of those prompt tokens that the provider had cached; None: as `prompt`."""


class ModelCapabilities(Strict):
    """What the endpoint does with this model besides chatting; see `autoflow.llm.base.Capabilities`."""

    grammar: Literal["vllm", "openai_tool"] | None = None
    """How a grammar is sent: vLLM's `structured_outputs`, or a custom tool of OpenAI's."""
    choice: bool = False
    """By vLLM's `structured_outputs`, else by a JSON schema: so it needs one of the two."""
    json_schema: bool = False
    tools: bool = False
    seed: bool = False
    stop: bool = False
    log_probs: bool = False
    token_ids: bool = False
    max_n: int = Field(default=1, ge=1, le=128)

    @model_validator(mode="after")
    def _choice_has_a_way(self) -> Self:
        if self.choice and not self.json_schema and self.grammar != "vllm":
            raise ValueError("choice needs json_schema: true, or grammar: vllm")
        return self


class ModelLimits(Strict):
    """How calls are bounded; what is left out has the default of `autoflow.llm.openai.Endpoint`."""

    timeout: _Seconds | None = None
    """Seconds for a call with all its attempts."""
    attempt_timeout: _Seconds | None = None
    """Seconds for one attempt."""
    attempts: int | None = Field(default=None, ge=1, le=10)
    max_concurrency: int | None = Field(default=None, ge=1, le=4096)
    """Calls under way."""
    max_waiting: int | None = Field(default=None, ge=0, le=1_000_000)
    """Calls that wait for one of these; one more fails with ModelOverloaded."""
    max_answer_bytes: int | None = Field(default=None, ge=1, le=2**30)
    """The largest answer that is read."""


class ModelEmbeddings(Strict):
    """The model that makes embeddings for those who call this one."""

    model: str = Field(min_length=1, max_length=256)
    """Its name at the endpoint."""
    endpoint: Annotated[str, AfterValidator(plain_url)] | None = None
    """The base URL; None: the model's own. Either way the key is the model's."""
    price: _Price | None = None
    """US dollars for a million tokens."""


class Model(Strict):
    """A model that an endpoint serves."""

    provider: Literal["openai"]
    """What the endpoint speaks: the protocol of OpenAI's chat completions."""
    model: str = Field(min_length=1, max_length=256)
    """Its name at the endpoint."""
    endpoint: Annotated[str, AfterValidator(plain_url)]
    """The base URL, such as `https://api.openai.com/v1`."""
    key_variable: str | None = Field(default=None, pattern=r"^[A-Za-z_][A-Za-z0-9_]{0,127}$")
    """The name of the variable that holds the key; None where the endpoint wants none."""
    capabilities: ModelCapabilities = ModelCapabilities()
    prices: ModelPrices | None = None
    context_tokens: int = Field(default=0, ge=0)
    """Tokens of prompt and completion together; 0: not known."""
    max_tokens_field: Literal["max_tokens", "max_completion_tokens"] = "max_tokens"
    """What the endpoint calls the limit on drawn tokens; the latter is OpenAI's newer name."""
    temperature: bool = True
    """Whether a temperature is sent; OpenAI's models that reason refuse any."""
    embeddings: ModelEmbeddings | None = None
    """None: the endpoint makes none for those who call this model."""
    limits: ModelLimits = ModelLimits()


class CatalogueFile(Strict):
    """The whole file."""

    models: Annotated[dict[_Name, Model], AfterValidator(_not_taken)]
    """By the name that requests use."""


def read_catalogue(path: Path, env: Mapping[str, str]) -> list[Entry]:
    """Reads a file.

    Args:
        path: the file.
        env: where keys are looked up. A model whose key is missing or cannot be sent is listed and cannot be
            called.

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
    return [_entry(name, model, env) for name, model in found.models.items()]


def _findings(error: ValidationError) -> Iterator[str]:
    for found in error.errors(include_url=False, include_input=False, include_context=False):
        place = ".".join(str(part) for part in found["loc"] if part != "[key]")
        if found["type"] == "extra_forbidden":
            words = "there is no such field"
            if "key" in str(found["loc"][-1]).lower():
                words += "; key_variable names the variable that holds the key"
        elif found["type"] == "string_pattern_mismatch" and found["loc"][-1] == "key_variable":
            words = "it is the name of a variable, and never the key itself"
        else:
            words = found["msg"].removeprefix("Value error, ")
        yield f"{place}: {words}" if place else words


def _entry(name: str, model: Model, env: Mapping[str, str]) -> Entry:
    stated = _stated(model.capabilities)
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
        return await asyncio.to_thread(_load, name, model, capabilities, env)

    async def load_embedder() -> Embedder:
        return await asyncio.to_thread(_load_embedder, name, model, env)

    return Entry(description, load, load_as, load_embedder if model.embeddings else None)


def _load(name: str, model: Model, capabilities: Capabilities, env: Mapping[str, str]) -> LanguageModel:
    # The package of a provider takes a second to import, and may not be there.
    from autoflow.llm.openai import OpenAIModel

    return OpenAIModel(_endpoint(name, model, capabilities, env))


def _load_embedder(name: str, model: Model, env: Mapping[str, str]) -> Embedder:
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


def _stated(can: ModelCapabilities) -> Capabilities:
    return Capabilities(**can.model_dump(exclude={"grammar"}), grammar=can.grammar is not None)


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


def _endpoint(name: str, model: Model, capabilities: Capabilities, env: Mapping[str, str]) -> Endpoint:
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
        **model.limits.model_dump(exclude_none=True),
    )
