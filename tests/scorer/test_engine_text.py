"""BERTScore equals the package `bert_score` on the same weights, and on edge cases a naive computation."""

from __future__ import annotations

import functools
import math
import random
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
from bert_score import BERTScorer
from torch import Tensor
from transformers import AutoModel, AutoTokenizer

from autoflow_scorer.engine.linear import Linears
from autoflow_scorer.engine.matching import Idf, bertscore, padded_sides, token_weights
from autoflow_scorer.engine.text import TextEncoder
from tests.scorer.devices import DEVICE, linears
from tests.scorer.random_encoders import sentences, write_text_model

EDGE_CASES = [
    "a",
    "blue",
    "  a blue cube \n",
    "東京",
    "naïve 🙂",
    "\u200b\u0301",
    "words that are in no vocabulary",
    "red " * 200,
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """Writes a model of an architecture, once."""

    @functools.cache
    def write(architecture: str) -> Path:
        return write_text_model(tmp_path_factory.mktemp(architecture), architecture)

    return write


def score(
    encoder: TextEncoder, pairs: Sequence[tuple[str, str]], *, idf: bool = False, together: bool = False
) -> Tensor:
    """What the engine makes of pairs of candidate and reference."""
    candidates, references = (encoder.tokenize(side) for side in zip(*pairs, strict=True))
    embeddings = encoder.encode(candidates + references)
    frequencies = Idf.of(references) if idf else None
    weights = [token_weights(tokens, encoder.special, frequencies) for tokens in candidates + references]
    half = len(pairs)
    lengths = [(len(a), len(b)) for a, b in zip(candidates, references, strict=True)]
    return bertscore(
        list(zip(embeddings[:half], embeddings[half:], strict=True)),
        list(zip(weights[:half], weights[half:], strict=True)),
        padded_sides(lengths) if together else None,
    )


def oracle(folder: Path, pairs: Sequence[tuple[str, str]], *, layers: int, idf: bool) -> Tensor:
    """What `bert_score` makes of them."""
    candidates, references = map(list, zip(*pairs, strict=True))
    scorer = BERTScorer(str(folder), num_layers=layers, idf=idf, nthreads=0, device="cpu")
    if idf:
        scorer.compute_idf(references)
    return torch.stack(scorer.score(candidates, references), dim=1)


def naive(folder: Path, pairs: Sequence[tuple[str, str]]) -> list[list[float]]:
    """BERTScore pair by pair from the paper's formulas, each text alone in its batch."""
    tokenizer: Any = AutoTokenizer.from_pretrained(folder)
    model: Any = AutoModel.from_pretrained(folder)

    def embed(text: str) -> Tensor:
        ids = tokenizer(text.strip(), truncation=True, return_tensors="pt").input_ids
        with torch.no_grad():
            hidden: Tensor = model(input_ids=ids).last_hidden_state[0].double()
        return torch.nn.functional.normalize(hidden, dim=1)

    rows = []
    for candidate, reference in pairs:
        similarity = embed(candidate) @ embed(reference).T
        if min(similarity.shape) == 2:
            rows.append([0.0, 0.0, 0.0])
            continue
        p, r = (best[1:-1].mean().item() for best in (similarity.amax(1), similarity.amax(0)))
        rows.append([p, r, 2 * p * r / (p + r)])
    return rows


@pytest.mark.parametrize("idf", [False, True])
@pytest.mark.parametrize("architecture", ["bert", "roberta", "distilbert", "electra"])
def test_a_thousand_pairs_score_as_in_bert_score(
    folder: Callable[[str], Path], architecture: str, idf: bool
) -> None:
    rng = random.Random(1)
    references = sentences(100, seed=2) + EDGE_CASES
    pairs = [(text, rng.choice(references)) for text in sentences(1000, seed=3)]
    pairs += [(text, rng.choice(references)) for text in EDGE_CASES] + [(text, text) for text in EDGE_CASES]
    encoder = TextEncoder.load(folder(architecture), linears(), layers=2)
    difference = score(encoder, pairs, idf=idf, together=True) - oracle(
        folder(architecture), pairs, layers=2, idf=idf
    )
    assert difference.abs().max() < 1e-5


@pytest.mark.parametrize("architecture", ["bert", "roberta"])
def test_edge_cases_score_as_the_formulas_say(folder: Callable[[str], Path], architecture: str) -> None:
    texts = [*EDGE_CASES, "", " \t"]
    pairs = [(one, other) for one in texts for other in texts]
    encoder = TextEncoder.load(folder(architecture), linears())
    expected = torch.tensor(naive(folder(architecture), pairs))
    torch.testing.assert_close(score(encoder, pairs), expected, atol=1e-5, rtol=0)


def test_empty_sides_score_zero_and_equal_texts_one(folder: Callable[[str], Path]) -> None:
    encoder = TextEncoder.load(folder("bert"), linears())
    scores = score(encoder, [("", ""), ("", "a cube"), ("a cube", ""), ("a cube", "a cube")])
    assert scores[:3].count_nonzero() == 0
    torch.testing.assert_close(scores[3], torch.ones(3))


def test_kernels_and_batches_do_not_change_scores(folder: Callable[[str], Path]) -> None:
    plain = Linears(torch.device(DEVICE), torch.float32, prepacked=False)
    pairs = list(zip(sentences(60, seed=4), sentences(60, seed=5), strict=True))
    encoder = TextEncoder.load(folder("bert"), linears())
    at_once = score(encoder, pairs)
    apart = torch.cat([score(encoder, [pair]) for pair in pairs])
    torch.testing.assert_close(at_once, apart, atol=1e-6, rtol=0)
    torch.testing.assert_close(
        score(TextEncoder.load(folder("bert"), plain), pairs), at_once, atol=1e-5, rtol=0
    )


def test_bfloat16_is_near(folder: Callable[[str], Path]) -> None:
    pairs = list(zip(sentences(200, seed=6), sentences(200, seed=7), strict=True))
    exact = score(TextEncoder.load(folder("bert"), linears()), pairs)
    encoder = TextEncoder.load(folder("bert"), linears(dtype=torch.bfloat16))
    near = score(encoder, pairs)
    assert encoder.encode(encoder.tokenize(["a"]))[0].dtype == torch.bfloat16
    assert (exact - near).abs().max() < 0.02
    assert torch.corrcoef(torch.stack((exact[:, 2], near[:, 2])))[0, 1] > 0.999


def test_embeddings_are_of_length_one_and_one_a_token(folder: Callable[[str], Path]) -> None:
    encoder = TextEncoder.load(folder("bert"), linears())
    tokens = encoder.tokenize(["a cube", "", "a cube"])
    first, empty, again = encoder.encode(tokens)
    assert [len(text) for text in tokens] == [len(first), len(empty), len(again)]
    assert torch.equal(first, again)
    torch.testing.assert_close(first.norm(dim=1).cpu(), torch.ones(len(first)))
    assert encoder.encode([]) == []


@pytest.mark.parametrize("layers", [0, 4])
def test_layers_that_are_not_there_are_refused(folder: Callable[[str], Path], layers: int) -> None:
    with pytest.raises(ValueError, match="has 3 layers"):
        TextEncoder.load(folder("bert"), linears(), layers=layers)


def test_idf_counts_references_as_often_as_they_occur() -> None:
    idf = Idf.of([(1, 5, 5, 2), (1, 5, 2), (1, 7, 2)])
    weights = [idf.weight(token) for token in (1, 5, 7, 9)]
    assert weights == pytest.approx([0.0, math.log(4 / 3), math.log(4 / 2), math.log(4)])
