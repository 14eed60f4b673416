"""What a catalogue tells about a model without loading it."""

from __future__ import annotations

from dataclasses import dataclass

from autoflow.llm.base import Capabilities


@dataclass(frozen=True, slots=True)
class Prices:
    """USD per million tokens, each 0 or more."""

    prompt: float = 0.0
    cached: float = 0.0
    """Of those prompt tokens that the provider had cached."""
    completion: float = 0.0


@dataclass(frozen=True, slots=True)
class ModelDescription:
    """A model as the catalogue states it."""

    name: str
    """What requests name it by."""
    provider: str
    """Who serves it: `embedded`, `local` or `openai`."""
    capabilities: Capabilities
    context_tokens: int = 0
    """Tokens of prompt and completion together; 0 where the catalogue does not say."""
    prices: Prices | None = None
    """None: nobody said what it costs."""
    unavailable_reason: str = ""
    """Why it cannot be called, for a person; empty where it can."""
