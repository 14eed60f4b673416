"""BERTScore of a real text encoder against the package `bert_score`; `make test-parity` runs it.

1,000 random pairs and edge cases, with and without idf, in float32 (P, R and F within 1e-5) and in bfloat16
(F within 3e-3, correlation 0.9999). Prints one JSON object per comparison; ends with 1 where one is off.
Needs the weights of `make weights`; the default tests compare the same on small random models.
"""

from __future__ import annotations

import json
import os
import random
import sys
from collections.abc import Sequence
from pathlib import Path

os.environ["HF_HUB_OFFLINE"] = "1"  # Before transformers, which reads it on import.

import torch
from bert_score import BERTScorer
from torch import Tensor

from autoflow_scorer.engine.linear import Linears
from autoflow_scorer.engine.matching import Idf, bertscore, padded_sides, token_weights
from autoflow_scorer.engine.text import TextEncoder
from scripts.weights import FOLDER

LAYERS = 6
EDGE_CASES = (
    "a",
    " padded with space \n",
    "東京タワー",
    "naïve café 🙂🙃",
    "\u200b",
    "[MASK] [SEP]",
    "no " * 700,
)
_TEXT = (
    "the a robot walks over image captions of red and blue cubes to find translate detect or question every "
    "unlikely answer with steps plans objects pictures tokenization in German before it summarises long texts"
)
_WORDS = _TEXT.split()

Pairs = Sequence[tuple[str, str]]


def random_pairs(
    count: int, references: int, seed: int, words: tuple[int, int] = (8, 30)
) -> list[tuple[str, str]]:
    """Random candidates, each with one of some random references.

    Args:
        count: of pairs.
        references: how many of them are different.
        seed: of the texts.
        words: of the shortest and the longest text.
    """
    rng = random.Random(seed)

    def text() -> str:
        return " ".join(rng.choices(_WORDS, k=rng.randint(*words)))

    pool = [text() for _ in range(references)]
    return [(text(), rng.choice(pool)) for _ in range(count)]


def engine_scores(encoder: TextEncoder, pairs: Pairs, *, idf: bool = False) -> Tensor:
    """P, R and F of the engine, [pairs, 3]."""
    candidates, references = (encoder.tokenize(side) for side in zip(*pairs, strict=True))
    embeddings = dict(zip(candidates + references, encoder.encode(candidates + references), strict=True))
    frequencies = Idf.of(references) if idf else None
    weights = {tokens: token_weights(tokens, encoder.special, frequencies) for tokens in embeddings}
    matched = list(zip(candidates, references, strict=True))
    return bertscore(
        [(embeddings[candidate], embeddings[reference]) for candidate, reference in matched],
        [(weights[candidate], weights[reference]) for candidate, reference in matched],
        padded_sides([(len(candidate), len(reference)) for candidate, reference in matched]),
    )


def package_scorer(folder: Path, references: Sequence[str], *, idf: bool = False) -> BERTScorer:
    """The package's scorer, its model loaded."""
    scorer = BERTScorer(str(folder), num_layers=LAYERS, idf=idf, nthreads=0, device="cpu")
    if idf:
        scorer.compute_idf(list(references))
    return scorer


def package_scores(scorer: BERTScorer, pairs: Pairs) -> Tensor:
    """P, R and F of the package, [pairs, 3]."""
    candidates, references = map(list, zip(*pairs, strict=True))
    return torch.stack(scorer.score(candidates, references), dim=1)


def main() -> int:
    """Compares; returns the exit status."""
    pairs = random_pairs(1000, 100, seed=0, words=(1, 60))
    pairs += [(text, other) for text in EDGE_CASES for other in (text, pairs[0][1])]
    sound = True
    for dtype, tolerance in ((torch.float32, 1e-5), (torch.bfloat16, 3e-3)):
        encoder = TextEncoder.load(FOLDER, Linears.probe(dtype=dtype), layers=LAYERS)
        for idf in (False, True):
            theirs = package_scores(package_scorer(FOLDER, [other for _, other in pairs], idf=idf), pairs)
            ours = engine_scores(encoder, pairs, idf=idf)
            columns = slice(None) if dtype == torch.float32 else slice(2, 3)
            difference = (ours - theirs)[:, columns].abs().max().item()
            correlation = torch.corrcoef(torch.stack((ours[:, 2], theirs[:, 2])).double())[0, 1].item()
            sound &= difference <= tolerance and correlation >= 0.9999
            told = {"dtype": str(dtype), "idf": idf, "pairs": len(pairs), "difference": difference}
            print(json.dumps({**told, "correlation": correlation}), flush=True)
    return int(not sound)


if __name__ == "__main__":
    sys.exit(main())
