"""BERTScore from token embeddings: greedy matching in batched matrix products, and idf weights.

Zhang et al. 2020, arXiv:1904.09675, §3, for a reference x and a candidate x̂ of normalised embeddings:

    R = Σ_i w(x_i) max_j x_i·x̂_j / Σ_i w(x_i)
    P = Σ_j w(x̂_j) max_i x_i·x̂_j / Σ_j w(x̂_j)
    F = 2PR / (P + R)

with w = 1, or the inverse document frequency in the references. The rules that the paper leaves open are
those of the package `bert_score`: the two special tokens weigh nothing but can be matched; a side of no other
token makes P, R and F 0. It pads the texts of a batch with zeros that can be matched, too, so a token that is
unlike all others counts 0, not less, unless the other side is the longest of its batch; `padded_sides` says
for which pairs that holds. Where all weights of a side are 0 it gives NaN; here that side's P or R is 0.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

# Numbers in the padded embeddings and similarities of one batched product: 16 MiB each in float32.
_BUDGET = 1 << 22
_SPECIAL_TOKENS = 2
_LEAST = -2.0
"""Less than any cosine."""
_PACKAGE_BATCH = 64
"""Pairs that `bert_score` pads together by default."""


@dataclass(frozen=True, slots=True)
class Idf:
    """Inverse document frequencies: log((N + 1) / (df + 1)), Zhang et al. 2020, §3.3.

    Attributes:
        documents: N, the references, each as often as it occurs.
        frequencies: of a token, in how many of them it occurs.
    """

    documents: int
    frequencies: Counter[int]

    @classmethod
    def of(cls, references: Iterable[Sequence[int]]) -> Idf:
        """Counts the tokens of references."""
        frequencies: Counter[int] = Counter()
        documents = 0
        for tokens in references:
            documents += 1
            frequencies.update(set(tokens))
        return cls(documents, frequencies)

    def weight(self, token: int) -> float:
        """A token's weight; log(N + 1) for one in no reference."""
        return math.log((self.documents + 1) / (self.frequencies[token] + 1))


def token_weights(tokens: Sequence[int], special: frozenset[int], idf: Idf | None = None) -> Tensor:
    """Weights of a text's tokens.

    Args:
        tokens: their numbers, the special ones among them.
        special: numbers that weigh nothing.
        idf: for weights by document frequency; else each token weighs 1.

    Returns:
        [tokens], float32.
    """
    if idf is None:
        return torch.tensor([0.0 if token in special else 1.0 for token in tokens])
    return torch.tensor([0.0 if token in special else idf.weight(token) for token in tokens])


def padded_sides(lengths: Sequence[tuple[int, int]]) -> list[tuple[bool, bool]]:
    """Which texts `bert_score` would pad, given these pairs in this order.

    Args:
        lengths: of each pair's candidate and reference, in tokens.

    Returns:
        For each pair, whether its candidate and its reference would be padded.
    """
    sides = []
    for start in range(0, len(lengths), _PACKAGE_BATCH):
        batch = lengths[start : start + _PACKAGE_BATCH]
        longest = max(candidate for candidate, _ in batch), max(reference for _, reference in batch)
        sides += [(candidate < longest[0], reference < longest[1]) for candidate, reference in batch]
    return sides


def bertscore(
    pairs: Sequence[tuple[Tensor, Tensor]],
    weights: Sequence[tuple[Tensor, Tensor]],
    padded: Sequence[tuple[bool, bool]] | None = None,
) -> Tensor:
    """Scores candidates against references. A pair's scores do not depend on the other pairs.

    Args:
        pairs: of a candidate's and a reference's embeddings, [tokens, width], of length 1, on one device.
        weights: of their tokens, [tokens], none negative.
        padded: what `padded_sides` gave; None scores each pair as `bert_score` scores it alone.

    Returns:
        [pairs, 3], float32 on CPU: P, R and F, in [-1, 1] up to rounding.
    """
    padded = [(False, False)] * len(pairs) if padded is None else padded
    result = torch.zeros(len(pairs), 3)
    with torch.inference_mode():
        for group in _groups(pairs):
            found = _matched(
                [pairs[i] for i in group], [weights[i] for i in group], [padded[i] for i in group]
            )
            result[group] = found.cpu()
    return result


def rescale(scores: Tensor, baseline: Tensor) -> Tensor:
    """Spreads scores over [0, 1]: (x - b) / (1 - b), Zhang et al. 2020, §3.4.

    Args:
        scores: [pairs, 3].
        baseline: [3], the mean scores of unrelated texts, each below 1.

    Returns:
        [pairs, 3]; below 0 for what is less alike than unrelated texts.
    """
    return (scores - baseline) / (1 - baseline)


def _groups(pairs: Sequence[tuple[Tensor, Tensor]]) -> Iterator[list[int]]:
    """Numbers of pairs of like lengths, as many as fit into the budget once they are padded."""
    sizes = [(len(candidate), len(reference)) for candidate, reference in pairs]
    group: list[int] = []
    longest = (0, 0)
    for i in sorted(range(len(pairs)), key=sizes.__getitem__):
        grown = max(longest[0], sizes[i][0]), max(longest[1], sizes[i][1])
        width = pairs[i][0].shape[1]
        if group and (len(group) + 1) * max(grown[0] * grown[1], sum(grown) * width) > _BUDGET:
            yield group
            group, grown = [], sizes[i]
        group.append(i)
        longest = grown
    if group:
        yield group


def _matched(
    pairs: Sequence[tuple[Tensor, Tensor]],
    weights: Sequence[tuple[Tensor, Tensor]],
    padded: Sequence[tuple[bool, bool]],
) -> Tensor:
    candidates, references = (pad_sequence(list(side), True).float() for side in zip(*pairs, strict=True))
    similarity = torch.bmm(candidates, references.mT)
    device = similarity.device
    beyond = [
        torch.arange(similarity.shape[1 + side], device=device)
        >= torch.tensor([len(pair[side]) for pair in pairs], device=device).unsqueeze(1)
        for side in (0, 1)
    ]
    similarity.masked_fill_(beyond[0].unsqueeze(2) | beyond[1].unsqueeze(1), _LEAST)
    # What is matched with a padded side's zeros is at least 0.
    floors = torch.where(torch.tensor(padded, device=device), 0.0, _LEAST).unsqueeze(2)
    precision_weights, recall_weights = (
        pad_sequence(list(side), True).to(device) for side in zip(*weights, strict=True)
    )
    precision = _weighted(similarity.amax(2).maximum(floors[:, 1]), precision_weights)
    recall = _weighted(similarity.amax(1).maximum(floors[:, 0]), recall_weights)
    both = precision + recall
    f1 = torch.where(both == 0, 0.0, 2 * precision * recall / both)
    scores = torch.stack((precision, recall, f1), dim=1)
    empty = [min(map(len, pair)) <= _SPECIAL_TOKENS for pair in pairs]
    return scores.masked_fill(torch.tensor(empty, device=device).unsqueeze(1), 0.0)


def _weighted(best: Tensor, weights: Tensor) -> Tensor:
    """The mean of each row's similarities, weighted; 0 where nothing weighs anything."""
    total = weights.sum(1)
    return (best * weights).sum(1) / torch.where(total > 0, total, 1)
