"""LoRA adapters on vLLM's servers: each is on every replica before the first sample is drawn with it."""

from __future__ import annotations

from autoflow.llm.openai.lora.addresses import Lookup, addresses_of
from autoflow.llm.openai.lora.serving import ServedAdapters

__all__ = ["Lookup", "ServedAdapters", "addresses_of"]
