"""Models that read a text: what they make of it is a class, or words for its gaps."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import torch
from transformers import PreTrainedModel

from autoflow.suites import Content
from autoflow.suites.samples.words import GAP
from autoflow_experts.experts import Inputs, Result, Unusable
from autoflow_experts.pretrained.networks.loading import input_names, positions
from autoflow_experts.pretrained.networks.passes import Item


class Encoding:
    """Texts as tokens, cut off where a model takes no more.

    Args:
        model: the model.
        tokenizer: the model's.
    """

    def __init__(self, model: PreTrainedModel, tokenizer: Any) -> None:
        self._tokenizer = tokenizer
        self._names = input_names(model, tokenizer)
        self.longest = positions(model, tokenizer)

    def item(self, text: str, more: int = 0) -> Item:
        """A text, ready for a model.

        Args:
            text: the text.
            more: tokens that it costs beside its own.
        """
        encoded = self._tokenizer(text, truncation=True, max_length=self.longest)
        payload = {name: encoded[name] for name in self._names}
        return Item(payload, len(payload["input_ids"]) + more)

    def padded(self, items: Sequence[Item], device: torch.device) -> Any:
        """The texts of a pass, each tensor [items, tokens of the longest]."""
        return self._tokenizer.pad([item.payload for item in items], return_tensors="pt").to(device)


class TextClassifier:
    """Tells the class of a text, in small letters.

    Args:
        model: of transformers, for sequence classification.
        tokenizer: the model's.
    """

    def __init__(self, model: PreTrainedModel, tokenizer: Any) -> None:
        self.model = model
        self._encoding = Encoding(model, tokenizer)

    def prepare(self, inputs: Inputs) -> Item:
        """See `Work`."""
        return self._encoding.item(text_of(inputs[0]))

    def run(self, items: Sequence[Item], device: torch.device) -> list[Result]:
        """See `Work`."""
        logits = self.model(**self._encoding.padded(items, device)).logits
        return [label.lower() for label in labels(self.model, logits)]


class GapFiller:
    """Puts a word into each gap of a text, the likeliest one for each by itself.

    The rest of the text stays as it was, whatever the tokenizer makes of it.

    Args:
        model: of transformers, for masked language modelling.
        tokenizer: the model's.
    """

    def __init__(self, model: PreTrainedModel, tokenizer: Any) -> None:
        if tokenizer.mask_token is None:
            raise ValueError("the tokenizer has no token for a gap")
        self.model = model
        self._tokenizer = tokenizer
        self._encoding = Encoding(model, tokenizer)
        # The model takes its own sign for a gap, wherever it comes from.
        self._gap = re.compile(f"{re.escape(GAP)}|{re.escape(tokenizer.mask_token)}")

    def prepare(self, inputs: Inputs) -> Item:
        """See `Work`."""
        parts = self._gap.split(text_of(inputs[0]))
        if len(parts) < 2:
            raise Unusable(f"the text has no gap: a gap is written {GAP}")
        item = self._encoding.item(self._tokenizer.mask_token.join(parts))
        seen = item.payload["input_ids"].count(self._tokenizer.mask_token_id)
        if seen != len(parts) - 1:
            raise Unusable(
                f"the text is too long: a gap is not among its first {self._encoding.longest} tokens"
            )
        return Item((parts, item), item.cost)

    def run(self, items: Sequence[Item], device: torch.device) -> list[Result]:
        """See `Work`."""
        inputs = self._encoding.padded([item.payload[1] for item in items], device)
        best = self.model(**inputs).logits.argmax(-1).cpu()
        gaps = inputs["input_ids"].cpu() == self._tokenizer.mask_token_id
        results: list[Result] = []
        for item, tokens, mask in zip(items, best, gaps, strict=True):
            words = [self._word(token) for token in tokens[mask].tolist()]
            first, *rest = item.payload[0]
            results.append(first + "".join(word + part for word, part in zip(words, rest, strict=True)))
        return results

    def _word(self, token: int) -> str:
        # A gap is a word of its own, even where the token is one that ends words.
        word: str = self._tokenizer.decode([token])
        return word.strip().removeprefix("##")


def labels(model: PreTrainedModel, logits: torch.Tensor) -> list[str]:
    """The name of the likeliest class of each row: [rows, classes]."""
    names: Any = model.config.id2label
    return [names[index] for index in logits.argmax(-1).tolist()]


def text_of(content: Content) -> str:
    """An input that is a text."""
    assert isinstance(content, str)
    return content
