"""Finds the tool that a name means, as a model wrote it.

A name is matched letter by letter, then by alias, then by likeness: the cosine of the two names' vectors of
character trigrams, which forgives endings, hyphens and words that are left out (`denoise the image` is
`Image Denoising`). A match by likeness needs a floor and a margin before the next best; below them the answer
is the nearest names and not a guess.

Left out: embeddings of a language model, which would know synonyms that share no letters; those that
models write are aliases instead. It does not protect against a tool whose name says something else than
what it does.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType

from autoflow.plans.judging import plain

FLOOR = 0.6
"""The least likeness of a match."""
MARGIN = 0.1
"""How much more like the best must be than the next."""
_NEAREST = 3
_WORD = re.compile(r"[^\W_]+")
_FILLERS = frozenset(
    {"a", "an", "apply", "model", "of", "perform", "run", "step", "task", "the", "tool", "use", "using"}
)

ALIASES: Mapping[str, str] = MappingProxyType(
    {
        "colorize": "Colorization",
        "colourization": "Colorization",
        "colourisation": "Colorization",
        "colorizer": "Colorization",
        "image colorization": "Colorization",
        "mask filling": "Fill Mask",
        "cloze": "Fill Mask",
        "masked language modeling": "Fill Mask",
        "caption generation": "Image Captioning",
        "image to text": "Image Captioning",
        "deblur": "Image Deblurring",
        "sharpening": "Image Deblurring",
        "denoise": "Image Denoising",
        "noise removal": "Image Denoising",
        "super resolution": "Image Super Resolution",
        "upscaling": "Image Super Resolution",
        "image upscaling": "Image Super Resolution",
        "translation": "Machine Translation",
        "translate": "Machine Translation",
        "qa": "Question Answering",
        "text question answering": "Question Answering",
        "sentiment classification": "Sentiment Analysis",
        "summarization": "Text Summarization",
        "summarisation": "Text Summarization",
        "text to image": "Text to Image Generation",
        "image generation": "Text to Image Generation",
        "vqa": "Visual Question Answering",
        "visual qa": "Visual Question Answering",
        "image question answering": "Visual Question Answering",
    }
)
"""Other names of the tools of the suite `planning`."""


class How(StrEnum):
    """How a tool was found."""

    EXACT = "exact"
    ALIAS = "alias"
    LIKENESS = "likeness"


@dataclass(frozen=True, slots=True)
class Match:
    """The tool that a name means."""

    said: str
    tool: str
    how: How
    likeness: float
    """In [0, 1]; 1 for names and aliases."""


@dataclass(frozen=True, slots=True)
class NoMatch:
    """A name that means no tool for certain."""

    said: str
    nearest: tuple[tuple[str, float], ...]
    """The tools that are most like it, with their likeness, the most like first."""


class ToolNames:
    """The names of some tools.

    Args:
        tools: their names; of two that differ in case or fillers alone, the first counts.
        aliases: other names, to names; those of tools that are not among `tools` are passed over.
    """

    def __init__(self, tools: Iterable[str], aliases: Mapping[str, str] = ALIASES) -> None:
        self._names: dict[str, str] = {}
        for tool in tools:
            self._names.setdefault(_words(tool), tool)
        there = set(self._names.values())
        self._aliases = {_words(alias): tool for alias, tool in aliases.items() if tool in there}
        self._vectors = {tool: _vector(words) for words, tool in self._names.items()}

    def find(self, said: str) -> Match | NoMatch:
        """The tool that a name means."""
        words = _words(said)
        if tool := self._names.get(words):
            return Match(said, tool, How.EXACT, 1.0)
        if tool := self._aliases.get(words):
            return Match(said, tool, How.ALIAS, 1.0)
        vector = _vector(words)
        likenesses = {tool: _cosine(vector, other) for tool, other in self._vectors.items()}
        ranked = sorted(likenesses.items(), key=lambda item: (-item[1], item[0]))
        best, next_best = (*ranked, ("", 0.0), ("", 0.0))[:2]
        if best[1] >= FLOOR and best[1] - next_best[1] >= MARGIN:
            return Match(said, best[0], How.LIKENESS, best[1])
        return NoMatch(said, tuple(ranked[:_NEAREST]))


def _words(name: str) -> str:
    words = _WORD.findall(plain(name))
    return " ".join([word for word in words if word not in _FILLERS] or words)


def _vector(words: str) -> Counter[str]:
    """Trigrams of each word, its beginning marked; order has no weight."""
    grams: Counter[str] = Counter()
    for word in words.split():
        marked = f" {word}"
        grams.update(marked[at : at + 3] for at in range(max(1, len(marked) - 2)))
    return grams


def _cosine(left: Counter[str], right: Counter[str]) -> float:
    product = sum(count * right[gram] for gram, count in left.items())
    lengths = math.sqrt(sum(n * n for n in left.values()) * sum(n * n for n in right.values()))
    return product / lengths if lengths else 0.0
