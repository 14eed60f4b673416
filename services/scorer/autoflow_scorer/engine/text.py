"""Text encoders: texts to token embeddings, for BERTScore.

Like the package `bert_score`: white space around a text is dropped, long texts are truncated to the model's
limit, the special tokens are embedded as well, and layers above the wanted one are never loaded.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import torch
import torch.nn.functional as F
from tokenizers import Tokenizer
from torch import Tensor

from autoflow_scorer.engine.bodies import Body, text_body, text_positions
from autoflow_scorer.engine.device import attempt, in_memory
from autoflow_scorer.engine.linear import Linears
from autoflow_scorer.engine.loading import Source, load_config, load_model, load_tokenizer, longest_text
from autoflow_scorer.engine.packing import Packed, Passes, Tokens


class TextEncoder:
    """Token embeddings of texts.

    Args:
        tokenizer: truncates to what the model takes.
        special: numbers of the tokens that stand before and after each text.
        body: computes hidden states.
        passes: which texts go through the model together; those of the body.
    """

    def __init__(
        self, tokenizer: Tokenizer, special: frozenset[int], body: Body, passes: Passes | None = None
    ) -> None:
        self._tokenizer = tokenizer
        self._body = body
        self._passes = passes or Packed()
        self.special = special

    @classmethod
    def load(cls, source: Source, linears: Linears, *, layers: int | None = None) -> TextEncoder:
        """Loads a model.

        Args:
            source: a folder or a hub's id.
            linears: device, type and kernel.
            layers: the layer whose states are the embeddings, counted from 1; None for the last.

        Raises:
            OSError: there is no such model, or it has no weights in safetensors.
            ValueError: it has fewer layers, or no tokenizer.json.
        """
        config: Any = load_config(source)
        if layers is not None:
            if not 1 <= layers <= config.num_hidden_layers:
                raise ValueError(f"{source} has {config.num_hidden_layers} layers, not {layers}")
            config.num_hidden_layers = layers
        tokenizer, special = load_tokenizer(source, text_positions(config))
        body = text_body(load_model(source, config), linears)
        return cls(tokenizer, special, body, linears.passes)

    def tokenize(self, texts: Sequence[str]) -> list[Tokens]:
        """Turns texts into tokens, on all cores unless `TOKENIZERS_PARALLELISM` forbids it.

        Args:
            texts: any texts; white space around them does not count.
        """
        encodings = self._tokenizer.encode_batch_fast([text.strip() for text in texts])
        return [tuple(encoding.ids) for encoding in encodings]

    def encode(self, tokens: Sequence[Tokens]) -> list[Tensor]:
        """Embeds texts, equal ones once.

        Args:
            tokens: what `tokenize` gave.

        Returns:
            For each text its tokens' embeddings, [tokens, width], each of length 1, in the model's type and
            on its device. They are views of larger tensors: clone what is to be kept.

        Raises:
            ResourceExhausted: the device has no memory for a few of them.
        """
        embeddings: dict[Tokens, Tensor] = {}
        with torch.inference_mode():
            for batch in self._passes.cut(sorted(set(tokens), key=len)):
                hidden = in_memory(self._body, batch)
                unit = F.normalize(hidden.float(), dim=-1).to(hidden.dtype)
                embeddings.update(zip(batch, torch.split(unit, [len(text) for text in batch]), strict=True))
        return [embeddings[text] for text in tokens]

    def warm_up(self) -> Iterator[None]:
        """Runs a pass of each shape that passes can have, one a step."""
        for texts in self._passes.text_trials(longest_text(self._tokenizer)):
            attempt(self._body, texts)
            yield
