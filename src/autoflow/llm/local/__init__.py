"""The local provider: models of transformers in this process.

Causal language models with LoRA adapters, and text encoders for embeddings.
"""

from autoflow.llm.local.chat import ChatTokenizer
from autoflow.llm.local.embedder import LocalEmbedder
from autoflow.llm.local.grammar import Grammars, TokenGrammar
from autoflow.llm.local.model import LocalModel
from autoflow.llm.local_settings import LocalSettings

__all__ = ["ChatTokenizer", "Grammars", "LocalEmbedder", "LocalModel", "LocalSettings", "TokenGrammar"]
