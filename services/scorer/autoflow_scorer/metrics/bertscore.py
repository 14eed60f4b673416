"""BERTScore (Zhang et al., 2020, arXiv:1904.09675) with a text encoder."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Sequence
from typing import cast

import torch
from torch import Tensor

from autoflow.errors import FailedPrecondition
from autoflow.suites import Content
from autoflow_scorer.engine.device import in_memory, settle
from autoflow_scorer.engine.matching import Idf, bertscore, padded_sides, rescale, token_weights
from autoflow_scorer.engine.packing import Tokens
from autoflow_scorer.engine.text import TextEncoder
from autoflow_scorer.metrics.base import Column, Options
from autoflow_scorer.metrics.judging import Item, Job


class BertScoreJudge:
    """Compares texts by their tokens' embeddings.

    Args:
        encoder: embeds them.
        baseline: the mean P, R and F of unrelated texts, [3]; None where nobody measured it.
        device: where the encoder is.
        digest: of the weights.
        size: bytes of the weights.
    """

    def __init__(
        self, encoder: TextEncoder, baseline: Tensor | None, device: torch.device, digest: str, size: int
    ) -> None:
        self._encoder = encoder
        self._device = device
        self._baseline = baseline
        self.digest = digest
        self.bytes = size

    def keys(self, contents: Sequence[Content]) -> list[Hashable]:
        """The tokens of each text."""
        return list(self._encoder.tokenize(cast("Sequence[str]", contents)))

    def read(self, content: Content, key: Hashable) -> Tokens:
        """The tokens again."""
        return cast("Tokens", key)

    def cost(self, payload: Tokens) -> int:
        """How many tokens there are."""
        return len(payload)

    def embed(self, payloads: Sequence[Tokens]) -> list[Tensor]:
        """[tokens, width] for each text."""
        return self._encoder.encode(payloads)

    def warm_up(self) -> Iterator[None]:
        """The encoder's."""
        return self._encoder.warm_up()

    def settle(self) -> None:
        """Waits for the device."""
        settle(self._device)

    def in_memory(self, run: Callable[[Sequence[Job]], Tensor], jobs: Sequence[Job]) -> Tensor:
        """In halves where it must be."""
        return in_memory(run, jobs)

    def jobs(self, pairs: Sequence[tuple[Item, Item]], options: Options) -> list[Job]:
        """The pairs with their tokens' weights.

        Raises:
            FailedPrecondition: nobody measured the model's baseline.
        """
        if options.rescale_with_baseline and self._baseline is None:
            raise FailedPrecondition(
                "the model of BERTScore has no baseline to rescale by; put bertscore_baseline.json beside "
                "its weights, or ask without rescale_with_baseline"
            )
        references = [cast("Tokens", reference.key) for _, reference in pairs]
        idf = Idf.of(references) if options.idf else None
        weights: dict[Hashable, Tensor] = {}
        for pair in pairs:
            for item in pair:
                if item.key not in weights:
                    tokens = cast("Tokens", item.key)
                    weights[item.key] = token_weights(tokens, self._encoder.special, idf)
        lengths = [(len(cast("Tokens", a.key)), len(cast("Tokens", b.key))) for a, b in pairs]
        return [
            Job(self, output, reference, (weights[output.key], weights[reference.key]), padded)
            for (output, reference), padded in zip(pairs, padded_sides(lengths), strict=True)
        ]

    def compare(self, jobs: Sequence[Job]) -> Tensor:
        """P, R and F of each pair."""
        return bertscore(
            [(cast("Tensor", job.output.embedding), cast("Tensor", job.reference.embedding)) for job in jobs],
            [cast("tuple[Tensor, Tensor]", job.weights) for job in jobs],
            [job.padded for job in jobs],
        )

    def finish(self, rows: Sequence[Tensor], options: Options) -> Column:
        """F as the value, P and R as its components."""
        scores = torch.stack(list(rows))
        if options.rescale_with_baseline and self._baseline is not None:
            scores = rescale(scores, self._baseline)
        precision, recall, f1 = torch.unbind(scores, dim=1)
        return Column(f1.tolist(), {"precision": precision.tolist(), "recall": recall.tolist()})
