"""Embeddings by a text encoder in this process, such as all-MiniLM-L6-v2.

An embedding is the mean of the last layer over a text's tokens, divided by its length, as encoders of
sentences are mostly trained (Reimers and Gurevych, "Sentence-BERT", EMNLP 2019, section 3). Weights are read
from a folder, from safetensors only, and nothing is downloaded.

Left out: other poolings, prefixes that some encoders want before a text, and devices other than the CPU.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import torch
from transformers import AutoModel, AutoTokenizer, PreTrainedModel

from autoflow.llm.base import ModelUnavailable, Unsupported, Usage, Vector
from autoflow.weights import loading

_log = logging.getLogger(__name__)

_MAX_TOKENS = 256
"""Of one text; what all-MiniLM-L6-v2 is made for. The rest is cut off."""
_TEXTS = 32
"""Of one forward pass."""


class LocalEmbedder:
    """An `Embedder` in this process. Made by `load`.

    It computes on a thread of its own, one call after the other; a call that is cancelled is computed to its
    end all the same.
    """

    def __init__(self, model: PreTrainedModel, tokenizer: Any) -> None:
        self._model = model
        self._tokenizer = tokenizer
        self._thread: ThreadPoolExecutor | None = ThreadPoolExecutor(1, thread_name_prefix="embedder")

    @classmethod
    def load(cls, folder: Path) -> LocalEmbedder:
        """Reads an encoder. Blocks.

        Raises:
            Unsupported: the folder holds none; the log says why.
        """
        try:
            with loading():
                model: PreTrainedModel = AutoModel.from_pretrained(
                    folder, dtype=torch.float32, use_safetensors=True, local_files_only=True
                )
            tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True)
        except (OSError, ValueError) as error:
            _log.warning("the folder of AUTOFLOW_EMBEDDER cannot be read: %s", error)
            raise Unsupported("AUTOFLOW_EMBEDDER names a folder that holds no text encoder") from error
        model.train(False)
        return cls(model, tokenizer)

    @property
    def name(self) -> str:
        """As `Embedder.name`."""
        return "local-embedder"

    @property
    def alive(self) -> bool:
        """Whether it was not closed."""
        return self._thread is not None

    async def embed(self, texts: Sequence[str]) -> tuple[tuple[Vector, ...], Usage]:
        """As `Embedder.embed`; vectors have a length of 1."""
        if self._thread is None:
            raise ModelUnavailable("the text encoder is closed")
        loop = asyncio.get_running_loop()
        vectors, tokens = await loop.run_in_executor(self._thread, self._computed, tuple(texts))
        return vectors, Usage(1, tokens)

    async def close(self) -> None:
        """As `Embedder.close`; what is being computed is."""
        thread, self._thread = self._thread, None
        if thread is not None:
            await asyncio.to_thread(thread.shutdown)

    def _computed(self, texts: Sequence[str]) -> tuple[tuple[Vector, ...], int]:
        vectors: list[Vector] = []
        tokens = 0
        for start in range(0, len(texts), _TEXTS):
            read = self._tokenizer(
                list(texts[start : start + _TEXTS]),
                padding=True,
                truncation=True,
                max_length=min(_MAX_TOKENS, self._model.config.max_position_embeddings),
                return_tensors="pt",
            )
            with torch.inference_mode():
                hidden = self._model(**read).last_hidden_state
                mask = read["attention_mask"][..., None].to(hidden.dtype)
                mean = (hidden * mask).sum(dim=1) / mask.sum(dim=1)
                vectors.extend(torch.nn.functional.normalize(mean, dim=1).tolist())
            tokens += int(read["attention_mask"].sum())
        return tuple(vectors), tokens
