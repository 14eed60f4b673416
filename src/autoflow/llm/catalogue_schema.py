"""What a catalogue's file may say (docs/models.md)."""

from __future__ import annotations

from typing import Annotated, Literal, Self, TypeAlias

from pydantic import AfterValidator, Discriminator, Field, Tag, model_validator

from autoflow.llm import tiny
from autoflow.settings_file import Strict, plain_url

_NAME = r"^[A-Za-z0-9][A-Za-z0-9._/-]{0,127}$"
"""As in `ModelRef` of the contract."""

_Name = Annotated[str, Field(pattern=_NAME)]
_Price = Annotated[float, Field(ge=0, allow_inf_nan=False)]
_Seconds = Annotated[float, Field(gt=0, le=3600)]


def _template(folder: str) -> str:
    if not folder.startswith("/") or folder.count("{digest}") != 1 or folder.count("{") != 1:
        raise ValueError("it is the path of a folder from / on, with {digest} in it")
    return folder


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


class ModelAdapters(Strict):
    """How the endpoint's servers are given LoRA adapters; see `autoflow.llm.openai.AdapterServing`."""

    provider: Literal["vllm"]
    """What the servers are: vLLM, with `VLLM_ALLOW_RUNTIME_LORA_UPDATING=True` and `--enable-lora`."""
    replicas: tuple[Annotated[str, AfterValidator(plain_url)], ...] = Field(default=(), max_length=256)
    """The base URLs of all servers that may answer. Empty: the endpoint is the only one."""
    resolve: Annotated[str, AfterValidator(plain_url)] | None = None
    """Instead of `replicas`: a base URL whose host has an address for each of them."""
    folder: Annotated[str, AfterValidator(_template)] | None = None
    """Where the servers see an adapter's folder, such as `/adapters/{digest}`; None: where this service
    has it."""
    keep: int | None = Field(default=None, ge=1, le=10_000)
    """Adapters that stay loaded."""
    refresh: float | None = Field(default=None, gt=0, le=3600)
    """Seconds after which addresses are looked up anew."""
    load_timeout: _Seconds | None = None
    """Seconds in which an adapter must be loaded."""

    @model_validator(mode="after")
    def _one_list(self) -> Self:
        if self.replicas and self.resolve:
            raise ValueError("it states replicas or resolve, not both")
        return self


class EndpointModel(Strict):
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
    adapters: ModelAdapters | None = None
    """None: the endpoint takes none."""


class LocalModelFolder(Strict):
    """A model that runs in this process. What it can is known: as much as the embedded model."""

    provider: Literal["local"]
    path: str = Field(min_length=1, max_length=4096)
    """A folder as transformers reads it: `config.json`, safetensors, and a tokenizer with a chat template.
    `~` is the user's folder; it is seen from the folder that this file is in."""
    context_tokens: int = Field(default=0, ge=0)
    """The most tokens of prompt and completion together; 0: what the model was made for."""


def _provider(model: object) -> str:
    """Who is to read a model; whoever states no provider is told all that is wrong about an endpoint."""
    said = model.get("provider") if isinstance(model, dict) else None
    return said if isinstance(said, str) else "openai"


Model: TypeAlias = Annotated[
    Annotated[EndpointModel, Tag("openai")] | Annotated[LocalModelFolder, Tag("local")],
    Discriminator(_provider),
]
"""A model of the file."""


class CatalogueFile(Strict):
    """The whole file."""

    models: Annotated[dict[_Name, Model], AfterValidator(_not_taken)]
    """By the name that requests use."""
