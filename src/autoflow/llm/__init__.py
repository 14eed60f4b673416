"""Language models behind one protocol; providers live in modules of their own."""

from autoflow.llm.base import (
    Completion,
    FinishReason,
    LanguageModel,
    LanguageModelError,
    Message,
    ModelOverloaded,
    ModelUnavailable,
    PromptTooLong,
    Role,
    Sampling,
    UnknownAdapter,
    UnknownModel,
    Usage,
)

__all__ = [
    "Completion",
    "FinishReason",
    "LanguageModel",
    "LanguageModelError",
    "Message",
    "ModelOverloaded",
    "ModelUnavailable",
    "PromptTooLong",
    "Role",
    "Sampling",
    "UnknownAdapter",
    "UnknownModel",
    "Usage",
]
