"""Models that find the answer to a question in a text.

A text that is longer than a model takes is read in windows that overlap. The answer is the span, of all
windows, with the greatest sum of the scores of its first and its last token (Devlin et al., arXiv 1810.04805,
section 4.2), extended to whole words. Left out: that there is no answer.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from transformers import CharSpan, PreTrainedModel

from autoflow_experts.experts import Inputs, Result, Unusable
from autoflow_experts.pretrained.networks.loading import input_names, positions
from autoflow_experts.pretrained.networks.passes import Item
from autoflow_experts.pretrained.networks.texts import text_of

_WINDOW = 384
_OVERLAP = 128
"""Tokens."""
_LONGEST_ANSWER = 30
"""Tokens."""
_WINDOWS_AT_ONCE = 16
"""A text is not cut into samples, so a long one alone could be more than a device has memory for."""


@dataclass(frozen=True, slots=True)
class _Window:
    """A part of a text, with the question."""

    tokens: dict[str, list[int]]
    words: list[CharSpan | None]
    """By token: where in the text the word begins and ends that it is of; None for tokens of the question."""


class Answerer:
    """Answers a question by words of a text.

    Args:
        model: of transformers, for extractive question answering.
        tokenizer: the model's.
    """

    def __init__(self, model: PreTrainedModel, tokenizer: Any) -> None:
        self.model = model
        self._tokenizer = tokenizer
        self._names = input_names(model, tokenizer)
        self._window = min(positions(model, tokenizer), _WINDOW)

    def prepare(self, inputs: Inputs) -> Item:
        """See `Work`."""
        text, question = map(text_of, inputs)
        windows = list(self._windows(text, question.strip()))
        if not windows:
            raise Unusable("the text is empty")
        return Item((text, windows), sum(len(window.words) for window in windows))

    def run(self, items: Sequence[Item], device: torch.device) -> list[Result]:
        """See `Work`."""
        windows = [window for item in items for window in item.payload[1]]
        spans = [
            span
            for start in range(0, len(windows), _WINDOWS_AT_ONCE)
            for span in self._spans(windows[start : start + _WINDOWS_AT_ONCE], device)
        ]
        results: list[Result] = []
        for item in items:
            text, own = item.payload
            (_, begin, end), spans = max(spans[: len(own)], key=lambda span: span[0]), spans[len(own) :]
            results.append(text[begin:end])
        return results

    def _windows(self, text: str, question: str) -> Iterator[_Window]:
        asked = len(self._tokenizer(question, add_special_tokens=False)["input_ids"])
        room = self._window - asked - self._tokenizer.num_special_tokens_to_add(pair=True)
        if room < self._window // 4:
            raise Unusable(f"the question is too long: it has {asked} tokens")
        encoded = self._tokenizer(
            question,
            text,
            truncation="only_second",
            max_length=self._window,
            stride=min(_OVERLAP, room // 2),
            return_overflowing_tokens=True,
        )
        for index in range(len(encoded["input_ids"])):
            of = zip(encoded.sequence_ids(index), encoded.word_ids(index), strict=True)
            words = [
                encoded.word_to_chars(index, word, sequence_index=1) if sequence == 1 else None
                for sequence, word in of
            ]
            if any(words):
                yield _Window({name: encoded[name][index] for name in self._names}, words)

    def _spans(self, windows: Sequence[_Window], device: torch.device) -> Iterator[tuple[float, int, int]]:
        """The best span of each window: its score, and where in the text it begins and ends."""
        inputs = self._tokenizer.pad([window.tokens for window in windows], return_tensors="pt").to(device)
        outputs: Any = self.model(**inputs)
        starts, ends = outputs.start_logits.float().cpu(), outputs.end_logits.float().cpu()
        padded_left = self._tokenizer.padding_side == "left"
        for window, start, end in zip(windows, starts, ends, strict=True):
            length = len(window.words)
            own = slice(-length, None) if padded_left else slice(length)
            of_text = torch.tensor([word is not None for word in window.words])
            score, first, last = _best(start[own], end[own], of_text)
            first_word, last_word = window.words[first], window.words[last]
            assert first_word is not None
            assert last_word is not None
            yield score, first_word.start, last_word.end


def _best(start: Tensor, end: Tensor, allowed: Tensor) -> tuple[float, int, int]:
    """The best span of allowed tokens: its score, its first token and its last; each tensor is [tokens]."""
    sums = start[:, None] + end[None, :]
    spans = torch.ones_like(sums, dtype=torch.bool).triu().tril(_LONGEST_ANSWER - 1)
    sums = sums.masked_fill(~(spans & allowed[:, None] & allowed[None, :]), float("-inf"))
    score, index = sums.flatten().max(0)
    return float(score), int(index) // len(start), int(index) % len(start)
