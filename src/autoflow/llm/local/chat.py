"""Between messages and token ids: what a model folder says about its prompts, its end and its size.

The provider and whoever computes likelihoods of its samples share this module, so that both mean the same
ids. Left out: tools and documents in chat templates, and prompts of anything but text.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from transformers import AutoConfig, AutoTokenizer, GenerationConfig, PreTrainedTokenizerBase

from autoflow.llm.base import Message


@dataclass(frozen=True, slots=True)
class ChatTokenizer:
    """The tokenizer of a model folder, with the model's own figures that belong to it. Safe between
    threads.
    """

    tokenizer: PreTrainedTokenizerBase
    """The tokenizer as transformers loads it."""
    vocabulary: int
    """How many logits the model has; often more than there are tokens."""
    context: int
    """How many tokens the model was made for."""
    stop_ids: frozenset[int]
    """The tokens that end a completion."""

    @classmethod
    def load(cls, path: Path) -> ChatTokenizer:
        """Reads a model folder; nothing is downloaded.

        Args:
            path: a folder with `config.json` and a tokenizer that has a chat template.

        Raises:
            OSError: the folder does not hold them.
            ValueError: there is no chat template, or no end token.
        """
        config = AutoConfig.from_pretrained(path, local_files_only=True).get_text_config()
        tokenizer = AutoTokenizer.from_pretrained(path, local_files_only=True)
        if not tokenizer.chat_template:
            raise ValueError(f"the tokenizer in {path} has no chat template")
        stop_ids = frozenset(_stop_ids(path, config, tokenizer))
        if not stop_ids:
            raise ValueError(f"{path} names no token that ends a completion")
        return cls(tokenizer, config.vocab_size, config.max_position_embeddings, stop_ids)

    def prompt_ids(self, messages: Sequence[Message]) -> list[int]:
        """The ids of a chat, up to where the model's answer begins."""
        chat = [{"role": message.role.value, "content": message.content} for message in messages]
        text = self.tokenizer.apply_chat_template(chat, tokenize=False, add_generation_prompt=True)
        return self.ids(str(text))

    def ids(self, text: str) -> list[int]:
        """The ids of a text, without marks of beginning or end."""
        return list(self.tokenizer.encode(text, add_special_tokens=False))

    def text(self, ids: Sequence[int]) -> str:
        """The text of drawn ids, without special tokens."""
        decoded = self.tokenizer.decode(
            list(ids), skip_special_tokens=True, clean_up_tokenization_spaces=False
        )
        return str(decoded)


def _stop_ids(path: Path, config: Any, tokenizer: PreTrainedTokenizerBase) -> Iterator[int]:
    """Every end token that the folder names; chat models often name the turn's end in one place only."""
    named = [config.eos_token_id, tokenizer.eos_token_id]
    if (path / "generation_config.json").is_file():
        named.append(GenerationConfig.from_pretrained(path, local_files_only=True).eos_token_id)
    for ids in named:
        if isinstance(ids, int):
            yield ids
        elif ids is not None:
            yield from ids
