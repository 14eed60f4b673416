"""Search in given documents, by BM25.

The score of a passage D for a query Q (Robertson & Zaragoza, *The Probabilistic Relevance Framework: BM25 and
Beyond*, 2009, with Lucene's IDF, which is never negative):

    sum over q in Q of  IDF(q) * f(q, D) * (k1 + 1) / (f(q, D) + k1 * (1 - b + b * |D| / avgdl))
    IDF(q) = ln(1 + (N - n(q) + 0.5) / (n(q) + 0.5))

Left out: stemming, and words of languages that do not write spaces between them.
"""

from __future__ import annotations

import json
import math
import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from autoflow.suites import ContentType, Tool

_K1, _B = 1.2, 0.75
_PASSAGE = 1000
"""Characters of a passage at most."""
_COUNT = 3
"""Passages that are told where no other number is asked for."""
_SCHEMA = {
    "type": "object",
    "properties": {
        "query": {"type": "string", "minLength": 1, "maxLength": 500, "description": "words to look for"},
        "count": {
            "type": "integer",
            "minimum": 1,
            "maximum": 10,
            "description": f"how many passages; without it, {_COUNT}",
        },
    },
    "required": ["query"],
    "additionalProperties": False,
}
_WORD = re.compile(r"\w+")


@dataclass(frozen=True, slots=True)
class _Passage:
    document: str
    text: str
    words: Counter[str]
    length: int


class Search:
    """The tool; see `BuiltInTool`. Holds the documents and their words.

    Args:
        documents: their texts by name.
    """

    tool = Tool(
        "search",
        "finds the passages of the given documents that fit some words best",
        (ContentType.TEXT,),
        ContentType.TEXT,
        arguments_schema=json.dumps(_SCHEMA),
        idempotent=True,
    )

    def __init__(self, documents: Mapping[str, str]) -> None:
        self._passages = [_passage(name, part) for name, text in documents.items() for part in _parts(text)]
        self._with = Counter(word for passage in self._passages for word in passage.words)
        self._mean = sum(passage.length for passage in self._passages) / max(len(self._passages), 1)

    def __call__(self, *, query: str = "", count: int = _COUNT, **_: Any) -> str:
        """The best passages, each after the name of its document."""
        words = _words(query)
        scored = [(self._score(words, passage), passage) for passage in self._passages]
        # Of equal scores the first passage's.
        best = sorted((pair for pair in scored if pair[0] > 0), key=lambda pair: -pair[0])[:count]
        if not best:
            return "nothing was found"
        return "\n\n".join(f"[{passage.document}]\n{passage.text}" for _, passage in best)

    def _score(self, query: Counter[str], passage: _Passage) -> float:
        # At least one word is in a passage that scores, so the mean is of some use where it counts.
        norm = _K1 * (1 - _B + _B * passage.length / (self._mean or 1.0))
        score = 0.0
        for word, times in query.items():
            if found := passage.words.get(word, 0):
                n = self._with[word]
                idf = math.log1p((len(self._passages) - n + 0.5) / (n + 0.5))
                score += times * idf * found * (_K1 + 1) / (found + norm)
        return score


def _passage(document: str, text: str) -> _Passage:
    words = _words(text)
    return _Passage(document, text, words, words.total())


def _words(text: str) -> Counter[str]:
    return Counter(_WORD.findall(text.casefold()))


def _parts(text: str) -> list[str]:
    """The paragraphs; longer ones are broken between words."""
    parts: list[str] = []
    for paragraph in re.split(r"\n\s*\n", text):
        rest = paragraph.strip()
        while len(rest) > _PASSAGE:
            at = rest.rfind(" ", 1, _PASSAGE)
            at = _PASSAGE if at < 0 else at
            parts.append(rest[:at].rstrip())
            rest = rest[at:].lstrip()
        if rest:
            parts.append(rest)
    return parts
