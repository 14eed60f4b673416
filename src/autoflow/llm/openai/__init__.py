"""Models behind any OpenAI-compatible endpoint: OpenAI, vLLM, Ollama and the like."""

from __future__ import annotations

from autoflow.llm.openai.embeddings import OpenAIEmbedder
from autoflow.llm.openai.endpoint import AdapterServing, Endpoint, GrammarStyle, MaxTokensField
from autoflow.llm.openai.model import OpenAIModel

__all__ = [
    "AdapterServing",
    "Endpoint",
    "GrammarStyle",
    "MaxTokensField",
    "OpenAIEmbedder",
    "OpenAIModel",
]
