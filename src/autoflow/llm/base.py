"""What every language model offers, whoever serves it.

A call makes one completion. Whoever wants K of them makes K concurrent calls with K seeds: a provider in
process merges them into one batch, an endpoint does so itself. So one slow sample never holds back another,
and cancelling one call cancels that one alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol


class Role(StrEnum):
    """Who speaks."""

    SYSTEM = "system"
    USER = "user"
    ASSISTANT = "assistant"


@dataclass(frozen=True, slots=True)
class Message:
    """One turn of a chat."""

    role: Role
    content: str


class FinishReason(StrEnum):
    """Why a completion ended."""

    STOP = "stop"
    """The model ended it."""
    LENGTH = "length"
    """The token limit, or the end of the context, cut it off."""


@dataclass(frozen=True, slots=True)
class Sampling:
    """How tokens are drawn."""

    temperature: float = 0.0
    """0 is greedy; at most 2."""
    max_tokens: int = 256
    """The most tokens of the completion."""
    seed: int = 0
    """Equal calls with equal seeds draw equal samples, whatever else is in flight, up to rounding."""


@dataclass(frozen=True, slots=True)
class Usage:
    """What calls cost."""

    calls: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0

    def __add__(self, other: Usage) -> Usage:
        return Usage(
            self.calls + other.calls,
            self.prompt_tokens + other.prompt_tokens,
            self.completion_tokens + other.completion_tokens,
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
    """Natural logarithms under temperature and grammar mask, as drawn; as long as `token_ids`."""


class LanguageModel(Protocol):
    """A model that chats."""

    @property
    def name(self) -> str:
        """Its name in the catalogue."""

    @property
    def alive(self) -> bool:
        """False once it is closed or has broken down for good: every later call fails, so get another."""

    @property
    def supports_grammar(self) -> bool:
        """Whether `complete` takes a grammar."""

    @property
    def supports_choice(self) -> bool:
        """Whether `choose` is there; where it is not, callers ask in words."""

    async def complete(
        self,
        messages: Sequence[Message],
        sampling: Sampling,
        *,
        grammar: str | None = None,
        adapter: str | None = None,
    ) -> Completion:
        """Draws one completion. Cancelling the call stops the drawing.

        Args:
            messages: the chat so far; the last one is the user's.
            sampling: how tokens are drawn.
            grammar: EBNF that masks the draw; None draws freely.
            adapter: a LoRA adapter's digest in the artifact store; None means the model's own weights.

        Raises:
            PromptTooLong: the messages do not leave room for one token.
            UnknownAdapter: the artifact store has no such adapter.
            ModelOverloaded: too many calls wait.
            ModelUnavailable: the model could not be reached, past all retries.
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
    """A call that failed; its subclasses say how."""


class UnknownModel(LanguageModelError):
    """The catalogue has no such model."""


class UnknownAdapter(LanguageModelError):
    """The artifact store has no such adapter, or it does not fit the model."""


class PromptTooLong(LanguageModelError):
    """The prompt does not fit the model's context."""


class ModelOverloaded(LanguageModelError):
    """Too many calls wait; the caller may try again later."""


class ModelUnavailable(LanguageModelError):
    """The model could not be reached, past all retries."""
