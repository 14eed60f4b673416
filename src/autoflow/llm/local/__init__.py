"""The local provider: causal language models of transformers with LoRA adapters, in this process."""

from autoflow.llm.local.chat import ChatTokenizer
from autoflow.llm.local.grammar import Grammars, TokenGrammar
from autoflow.llm.local.model import LocalModel
from autoflow.llm.local_settings import LocalSettings

__all__ = ["ChatTokenizer", "Grammars", "LocalModel", "LocalSettings", "TokenGrammar"]
