"""What every language model offers, whoever serves it.

A call makes one completion. Whoever wants several of one prompt uses `autoflow.llm.draws.draw`, which asks
for them at once where the model can and else makes concurrent calls. So one slow sample never holds back
another, and cancelling one call cancels that one alone.

What a model can do besides chatting stands in its `capabilities`. Nothing is ever tried in the hope that an
endpoint knows it: some answer and ignore what they do not know.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Protocol, TypeAlias


class Role(StrEnum):
    """Who speaks."""

    SYSTEM = "system"
    USER = "user"
    ASSISTANT = "assistant"
    TOOL = "tool"
    """The result of a tool call."""


@dataclass(frozen=True, slots=True)
class ToolSpec:
    """A tool that the model may call."""

    name: str
    """1 to 64 letters, digits, `_` and `-`."""
    description: str
    parameters: Mapping[str, Any]
    """The JSON schema of its arguments, an object."""


@dataclass(frozen=True, slots=True)
class ToolCall:
    """The model's wish to call a tool."""

    id: str
    """Names the call in the chat; the result's `Message.tool_call_id`."""
    name: str
    arguments: str
    """JSON exactly as it was drawn: it may be broken, or not fit the schema."""


@dataclass(frozen=True, slots=True)
class Message:
    """One turn of a chat."""

    role: Role
    content: str
    tool_calls: tuple[ToolCall, ...] = ()
    """Of the assistant."""
    tool_call_id: str = ""
    """Of a tool: which call this is the result of."""


class FinishReason(StrEnum):
    """Why a completion ended."""

    STOP = "stop"
    """The model ended it, or calls tools."""
    LENGTH = "length"
    """The token limit, or the end of the context, cut it off."""
    CONTENT_FILTER = "content_filter"
    """The provider's filter cut it off or withheld it."""


@dataclass(frozen=True, slots=True)
class Sampling:
    """How tokens are drawn."""

    temperature: float = 0.0
    """0 is greedy; at most 2."""
    max_tokens: int = 256
    """The most tokens of the completion."""
    seed: int = 0
    """Equal calls with equal seeds draw equal samples, whatever else is in flight, up to rounding, where the
    model has the capability `seed`; elsewhere it has no effect."""
    stop: tuple[str, ...] = ()
    """Texts that end the completion and are not part of it, at most 4."""
    log_probs: bool = False
    """Whether `Completion.log_probs` is wanted; a model in process gives it in any case."""


@dataclass(frozen=True, slots=True)
class Usage:
    """What calls cost."""

    calls: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    cached_prompt_tokens: int = 0
    """Those of the prompt tokens that the provider had cached."""
    cost_usd: float = 0.0
    """By the catalogue's prices; 0 without them."""

    def __add__(self, other: Usage) -> Usage:
        return Usage(
            self.calls + other.calls,
            self.prompt_tokens + other.prompt_tokens,
            self.completion_tokens + other.completion_tokens,
            self.cached_prompt_tokens + other.cached_prompt_tokens,
            self.cost_usd + other.cost_usd,
        )

    @property
    def tokens(self) -> int:
        """Tokens read and written."""
        return self.prompt_tokens + self.completion_tokens


@dataclass(frozen=True, slots=True)
class Completion:
    """One drawn text, exactly as it was drawn."""

    text: str
    finish_reason: FinishReason
    usage: Usage
    prompt_token_ids: tuple[int, ...] = ()
    """Empty where the provider does not tell."""
    token_ids: tuple[int, ...] = ()
    """The drawn ids, the end token included; empty where the provider does not tell."""
    log_probs: tuple[float, ...] = ()
    """Natural logarithms under temperature and grammar mask, as drawn; as long as `token_ids` where these are
    told; empty where the provider does not tell."""
    tool_calls: tuple[ToolCall, ...] = ()
    """The tools that the model wants to call."""


@dataclass(frozen=True, slots=True)
class Grammar:
    """A context-free grammar for a draw, in the two notations that providers read; both mean the same."""

    ebnf: str
    """As xgrammar and vLLM read it; the start symbol is `root`."""
    lark: str
    """As OpenAI's custom tools read it; the start symbol is `start`."""


@dataclass(frozen=True, slots=True)
class JsonSchema:
    """A JSON schema for a draw. Every property is required and no other is allowed (OpenAI's strict mode)."""

    name: str
    """1 to 64 letters, digits, `_` and `-`."""
    schema: Mapping[str, Any]


Constraint: TypeAlias = Grammar | JsonSchema
"""What a draw must keep to."""


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What a model can do besides chatting."""

    grammar: bool = False
    """`complete` takes a `Grammar`."""
    choice: bool = False
    """`choose` is there; where it is not, callers ask in words."""
    json_schema: bool = False
    """`complete` takes a `JsonSchema`."""
    tools: bool = False
    """`complete` takes tools, and messages may hold calls and results."""
    seed: bool = False
    stop: bool = False
    log_probs: bool = False
    token_ids: bool = False
    """Completions hold the ids of prompt and drawn tokens."""
    adapters: bool = False
    max_n: int = 1
    """The most completions of one prompt that one call of `complete_n` draws."""


Vector: TypeAlias = Sequence[float]
"""An embedding: finite numbers, as many for every text of one model."""


class Embedder(Protocol):
    """A model that tells how texts are related: those that mean alike have vectors that point alike."""

    @property
    def name(self) -> str:
        """What traces and errors call it."""

    @property
    def alive(self) -> bool:
        """False once it is closed: every later call fails."""

    async def embed(self, texts: Sequence[str]) -> tuple[tuple[Vector, ...], Usage]:
        """The vectors of texts. A text that is too long for the model may be cut off.

        Args:
            texts: one or more.

        Returns:
            A vector for each text, in their order, and the cost.

        Raises:
            PromptTooLong: a text does not fit the model, and the model cuts none off.
            ModelRejected: the endpoint will not do this, however often it is asked.
            ModelOverloaded: too many calls wait.
            ModelUnavailable: the model could not be reached, or answered nonsense, past all retries.
        """

    async def close(self) -> None:
        """Stops whatever runs and frees the model."""


class LanguageModel(Protocol):
    """A model that chats."""

    @property
    def name(self) -> str:
        """Its name in the catalogue."""

    @property
    def alive(self) -> bool:
        """False once it is closed or has broken down for good: every later call fails, so get another."""

    @property
    def capabilities(self) -> Capabilities:
        """What it can do besides chatting."""

    async def complete(
        self,
        messages: Sequence[Message],
        sampling: Sampling,
        *,
        constraint: Constraint | None = None,
        tools: Sequence[ToolSpec] = (),
        adapter: str | None = None,
    ) -> Completion:
        """Draws one completion. Cancelling the call stops the drawing.

        Args:
            messages: the chat so far; the last one is the user's, or the result of a tool.
            sampling: how tokens are drawn.
            constraint: what the draw must keep to; None draws freely.
            tools: what the model may call; not together with a constraint.
            adapter: a LoRA adapter's digest in the artifact store; None means the model's own weights.

        Raises:
            Unsupported: the capabilities lack what the call needs.
            PromptTooLong: the messages do not leave room for one token.
            UnknownAdapter: the artifact store has no such adapter.
            ModelRejected: the endpoint will not do this, however often it is asked.
            ModelOverloaded: too many calls wait.
            ModelUnavailable: the model could not be reached, or answered nonsense, past all retries.
        """

    async def complete_n(
        self,
        messages: Sequence[Message],
        sampling: Sampling,
        n: int,
        *,
        constraint: Constraint | None = None,
        adapter: str | None = None,
    ) -> tuple[Completion, ...]:
        """Draws several completions of one prompt in one call.

        Args:
            messages: as in `complete`.
            sampling: as in `complete`; one seed draws all of them, each differently.
            n: how many, 1 to `capabilities.max_n`.
            constraint: as in `complete`.
            adapter: as in `complete`.

        Returns:
            `n` completions. The usage of the call is spread over them: their sum is what the call cost.

        Raises:
            As `complete`.
        """

    async def choose(
        self, messages: Sequence[Message], options: Sequence[str], *, adapter: str | None = None
    ) -> tuple[int, Usage]:
        """Picks the option that the model finds likeliest as its next words.

        Args:
            messages: the chat so far; the last one is the user's and names the options.
            options: two or more texts, none a prefix of another.
            adapter: as in `complete`.

        Returns:
            The index of the option, and the cost.

        Raises:
            As `complete`.
        """

    async def close(self) -> None:
        """Stops whatever runs and frees the model. Calls in flight fail with ModelUnavailable."""


class LanguageModelError(Exception):
    """A call that failed; its subclasses say how.

    Attributes:
        model: the name in the catalogue of the model that was called; empty where nobody has said.
    """

    model = ""


@contextmanager
def failing_as(model: str) -> Iterator[None]:
    """Around calls of a model, so that their errors say which one failed.

    Args:
        model: its name in the catalogue.
    """
    try:
        yield
    except LanguageModelError as error:
        error.model = error.model or model
        raise


class UnknownModel(LanguageModelError):
    """The catalogue has no such model."""


class UnknownAdapter(LanguageModelError):
    """The artifact store has no such adapter, or it does not fit the model."""


class Unsupported(LanguageModelError):
    """The model's capabilities lack what a call needs."""


class PromptTooLong(LanguageModelError):
    """The prompt does not fit the model's context."""


class ModelRejected(LanguageModelError):
    """The endpoint will not do this however often it is asked: a wrong key, an unknown model, a refused
    request.

    Attributes:
        not_found: whether it said that there is nothing of the name that it was asked for.
    """

    def __init__(self, message: str, *, not_found: bool = False) -> None:
        super().__init__(message)
        self.not_found = not_found


class ModelOverloaded(LanguageModelError):
    """Too many calls wait; the caller may try again later.

    Attributes:
        retry_after: seconds after which trying again makes sense; None where nobody said.
    """

    def __init__(self, message: str, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class ModelUnavailable(LanguageModelError):
    """The model could not be reached, or answered nonsense, past all retries."""
