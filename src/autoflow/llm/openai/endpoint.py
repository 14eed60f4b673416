"""What has to be known of an endpoint before a call is made."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from urllib.parse import urlsplit

from autoflow.llm.base import Capabilities
from autoflow.llm.descriptions import Prices


class GrammarStyle(StrEnum):
    """How an endpoint is told a grammar."""

    VLLM = "vllm"
    """vLLM's `structured_outputs`, in EBNF; it takes choices as well."""
    OPENAI_TOOL = "openai_tool"
    """A custom tool whose input is a Lark grammar; the model is made to call it."""


class MaxTokensField(StrEnum):
    """What an endpoint calls the limit on drawn tokens."""

    MAX_TOKENS = "max_tokens"
    MAX_COMPLETION_TOKENS = "max_completion_tokens"
    """OpenAI's newer name; of a model that reasons, the limit counts the reasoning too."""


@dataclass(frozen=True, slots=True)
class AdapterServing:
    """How the vLLM servers behind an endpoint are given LoRA adapters while they run."""

    replicas: tuple[str, ...] = ()
    """Base URLs of all servers that may answer the endpoint's calls. Empty: the endpoint is the only one."""
    resolve: str = ""
    """Instead of `replicas`: a base URL whose host has an address for each of them."""
    folder: str = ""
    """Where the servers see an adapter's folder, `{digest}` standing for its 64 hex digits. Empty: where it
    is on this machine."""
    keep: int = 8
    """Adapters that stay loaded, 1 or more; beyond, the least recently used one is unloaded once no call uses
    it."""
    refresh: float = 5.0
    """Seconds for which the addresses behind `resolve` are taken to be right, and for which a replica that
    could not be reached is not waited for."""
    load_timeout: float = 60.0
    """Seconds in which an adapter must be loaded on a replica, all attempts included."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A model behind an OpenAI-compatible endpoint.

    Raises:
        ValueError: two fields contradict each other, or one is out of its range.
    """

    name: str
    """The model's name in the catalogue."""
    model: str
    """The model's name at the endpoint."""
    base_url: str
    """Such as `https://api.openai.com/v1`; holds no user and no password."""
    api_key: str = field(default="", repr=False)
    """Empty: no key is sent, whatever stands in the environment."""
    capabilities: Capabilities = field(default_factory=Capabilities)
    grammar: GrammarStyle | None = None
    """Needed for the capability `grammar`."""
    prices: Prices | None = None
    """None: calls cost nothing, or nobody knows what."""
    context_tokens: int = 0
    """The most tokens of prompt and completion together; 0: not known."""
    max_tokens_field: MaxTokensField = MaxTokensField.MAX_TOKENS
    temperature: bool = True
    """Whether a temperature is sent; OpenAI's models that reason refuse any."""
    timeout: float = 120.0
    """Seconds that a call may take, its waiting and its retries included."""
    attempt_timeout: float = 60.0
    """Seconds that one attempt may take."""
    attempts: int = 5
    """The most attempts of a call, 1 or more."""
    backoff: float = 0.5
    """Seconds, the longest wait before the second attempt; it doubles with each further one, up to 8."""
    max_concurrency: int = 64
    """The most calls under way, 1 or more; one that waits before its next attempt is under way."""
    max_waiting: int = 1024
    """The most calls that wait for one of those to end; those beyond are refused at once."""
    max_answer_bytes: int = 32 * 2**20
    """The largest answer that is read, 1 or more; an attempt that is answered with more has failed."""
    adapters: AdapterServing | None = None
    """Needed for the capability `adapters`."""

    def __post_init__(self) -> None:
        can = self.capabilities
        url = urlsplit(self.base_url)
        wrong = {
            "the base URL is no http or https URL": url.scheme not in ("http", "https") or not url.hostname,
            "the key holds what no HTTP header can": not (
                self.api_key.isascii() and self.api_key.isprintable()
            ),
            "the base URL holds a user or a password": "@" in url.netloc,
            "the capability `grammar` needs a grammar style": can.grammar and self.grammar is None,
            "the capability `choice` needs `json_schema`, or vLLM's grammar style": can.choice
            and not can.json_schema
            and self.grammar is not GrammarStyle.VLLM,
            "the capability `adapters` needs to be told how they are served": can.adapters
            and self.adapters is None,
            "max_n, attempts, max_concurrency and max_answer_bytes are at least 1": min(
                can.max_n, self.attempts, self.max_concurrency, self.max_answer_bytes
            )
            < 1,
            "time-outs are more than 0": min(self.timeout, self.attempt_timeout) <= 0,
            "backoff, context_tokens and max_waiting are at least 0": min(
                self.backoff, self.context_tokens, self.max_waiting
            )
            < 0,
        }
        for what, is_wrong in wrong.items():
            if is_wrong:
                raise ValueError(f"the endpoint of {self.name!r}: {what}")
