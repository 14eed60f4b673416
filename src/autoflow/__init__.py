"""AutoFlow: generate, execute, score and improve natural-language workflows for LLM agents."""

__version__ = "0.1.0"
