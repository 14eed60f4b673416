"""Models that write: what a text becomes, or what a picture shows.

They write what is likeliest, greedily or by beams as the model says of itself, and never draw by chance, so
equal inputs give equal outputs.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from transformers import PreTrainedModel

from autoflow.images import ImageLimits
from autoflow_experts.experts import Inputs, Result
from autoflow_experts.pretrained.networks.passes import Item
from autoflow_experts.pretrained.networks.pictures import Looking
from autoflow_experts.pretrained.networks.texts import Encoding, text_of

_DEFAULT_NEW_TOKENS = 128
"""Where neither the file nor the model says how long a text may become."""
_MOST_NEW_TOKENS = 1024
_CHANCE = ("temperature", "top_k", "top_p", "min_p", "typical_p", "epsilon_cutoff", "eta_cutoff")


class Pen:
    """How a model writes.

    Args:
        model: of transformers, one that generates.
        tokenizer: of what it writes.
        max_new_tokens: the longest text that it writes; None for what the model says of itself.
    """

    def __init__(self, model: PreTrainedModel, tokenizer: Any, max_new_tokens: int | None) -> None:
        self._model: Any = model
        self._tokenizer = tokenizer
        self._settings = _bounded(self._model, tokenizer, max_new_tokens)

    @property
    def cost(self) -> int:
        """Tokens that writing costs beside those that are read."""
        return int(self._settings.max_new_tokens * (self._settings.num_beams or 1))

    def write(self, **inputs: torch.Tensor) -> list[Result]:
        """A text for each row of the inputs."""
        written = self._model.generate(**inputs, generation_config=self._settings)
        return [self._tokenizer.decode(row, skip_special_tokens=True).strip() for row in written.cpu()]


class Rewriter:
    """Makes another text of a text: its summary, its translation.

    Args:
        model: of transformers, from sequence to sequence.
        tokenizer: the model's.
        prefix: what is put before every text.
        max_new_tokens: see `Pen`.
    """

    def __init__(
        self, model: PreTrainedModel, tokenizer: Any, prefix: str, max_new_tokens: int | None
    ) -> None:
        self.model = model
        self._encoding = Encoding(model, tokenizer)
        self._pen = Pen(model, tokenizer, max_new_tokens)
        self._prefix = prefix

    def prepare(self, inputs: Inputs) -> Item:
        """See `Work`."""
        return self._encoding.item(self._prefix + text_of(inputs[0]), self._pen.cost)

    def run(self, items: Sequence[Item], device: torch.device) -> list[Result]:
        """See `Work`."""
        return self._pen.write(**self._encoding.padded(items, device))


class Captioner:
    """Says what a picture shows.

    Args:
        model: an encoder of pictures with a decoder of texts.
        processor: the model's.
        tokenizer: the model's.
        limits: what pictures may be.
        max_new_tokens: see `Pen`.
    """

    def __init__(
        self,
        model: PreTrainedModel,
        processor: Any,
        tokenizer: Any,
        limits: ImageLimits,
        max_new_tokens: int | None,
    ) -> None:
        self.model = model
        self._looking = Looking(model, processor, limits)
        self._pen = Pen(model, tokenizer, max_new_tokens)

    def prepare(self, inputs: Inputs) -> Item:
        """See `Work`."""
        return self._looking.item(self._looking.picture(inputs[0]), self._pen.cost)

    def run(self, items: Sequence[Item], device: torch.device) -> list[Result]:
        """See `Work`."""
        return self._pen.write(**self._looking.stacked(items, device))


def _bounded(model: Any, tokenizer: Any, max_new_tokens: int | None) -> Any:
    """How the model says that it is to write, without chance and within bounds."""
    settings = model.generation_config
    settings.do_sample, settings.num_return_sequences = False, 1
    for name in _CHANCE:
        setattr(settings, name, None)
    # A maximal length counts the token that every text begins with.
    own = settings.max_new_tokens or (settings.max_length and settings.max_length - 1)
    decoder = getattr(model.config, "decoder", model.config)
    known = getattr(decoder, "max_position_embeddings", None) or _MOST_NEW_TOKENS + 1
    most = min(max_new_tokens or own or _DEFAULT_NEW_TOKENS, _MOST_NEW_TOKENS, known - 1)
    settings.max_new_tokens, settings.max_length = most, None
    for name in ("min_length", "min_new_tokens"):
        if (least := getattr(settings, name)) is not None:
            setattr(settings, name, min(least, most))
    if settings.pad_token_id is None:
        settings.pad_token_id = tokenizer.pad_token_id
    return settings
