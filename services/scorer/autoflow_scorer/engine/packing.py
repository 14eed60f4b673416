"""Which sequences go through a model together, and where each lies in the rows.

A CPU takes what comes: rows without padding, sequences of equal length side by side (`Packed`). A device that
is slower at starting work than at doing it takes few shapes, which `autoflow_scorer.engine.buckets` has.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, groupby
from typing import ParamSpec, Protocol

import torch
from torch import Tensor

Tokens = tuple[int, ...]
"""A text as numbers of tokens, the special ones included."""

Parameters = ParamSpec("Parameters")


@dataclass(frozen=True, slots=True)
class Run:
    """Neighbouring sequences of equal length.

    Attributes:
        start: row of the first one's first token.
        count: number of sequences.
        length: tokens of each.
    """

    start: int
    count: int
    length: int

    @property
    def stop(self) -> int:
        """The row after the last one."""
        return self.start + self.count * self.length


def runs_of(lengths: Sequence[int]) -> list[Run]:
    """Finds the runs of sequences that lie in this order; sort them by length to have few."""
    runs: list[Run] = []
    start = 0
    for length, group in groupby(lengths):
        runs.append(Run(start, sum(1 for _ in group), length))
        start = runs[-1].stop
    return runs


@dataclass(frozen=True, slots=True)
class Layout:
    """Texts as rows.

    Attributes:
        texts: as they go through the model, any padding included; at the end there may be more than were
            asked for.
        lengths: of each text without its padding.
        runs: where they lie.
        padded: whether all texts were brought to one length, which makes them one run.
    """

    texts: Sequence[Tokens]
    lengths: Sequence[int]
    runs: list[Run]
    padded: bool = False

    def tokens(self) -> Tensor:
        """All texts' tokens, [rows]."""
        return torch.tensor(list(chain.from_iterable(self.texts)))

    def places(self, device: torch.device) -> Tensor:
        """Each token's place in its text, from 0, [rows], made on the device."""
        return torch.cat([torch.arange(run.length, device=device).repeat(run.count) for run in self.runs])

    def real(self) -> Tensor:
        """Which tokens are no padding, [texts, length]; where texts are padded."""
        return torch.arange(self.runs[0].length) < torch.tensor(self.lengths).unsqueeze(1)

    def last_rows(self) -> Tensor:
        """The row of each text's last token, [texts]."""
        sizes = torch.tensor([len(text) for text in self.texts])
        return sizes.cumsum(0) - sizes + torch.tensor(self.lengths) - 1


class Passes(Protocol):
    """How sequences become passes through a model."""

    def cut(self, texts: Sequence[Tokens]) -> Iterator[Sequence[Tokens]]:
        """Cuts texts, sorted by length, into those of one pass."""

    def lay(self, texts: Sequence[Tokens], longest: int, padding: int) -> Layout:
        """Lays out the texts of a pass.

        Args:
            texts: sorted by length, at least one.
            longest: the longest text that the model takes, in tokens.
            padding: the token that fills up.
        """

    def text_trials(self, longest: int) -> Iterator[Sequence[Tokens]]:
        """Texts of every shape that is worth a trial before it is needed, those of one pass together.

        Args:
            longest: the longest text that will come, in tokens.
        """

    def image_trials(self) -> Sequence[int]:
        """The numbers of images that are worth a trial."""

    def split(self, images: Tensor) -> Iterator[Tensor]:
        """Cuts images, [n, ...], into those of one pass."""

    def fill(self, images: Tensor) -> Tensor:
        """Adds black images at the end of a pass, where it wants more."""

    def compiled(self, function: Callable[Parameters, Tensor]) -> Callable[Parameters, Tensor]:
        """The function as it is to be called in each pass."""


@dataclass(frozen=True, slots=True)
class Packed:
    """Rows without padding, as many as a CPU's cache keeps.

    Attributes:
        tokens: of a pass, at most; a longer text goes alone.
        images: of a pass, at most.
    """

    tokens: int = 1024
    images: int = 8

    def cut(self, texts: Sequence[Tokens]) -> Iterator[Sequence[Tokens]]:
        """Fills passes up in the given order."""
        first = total = 0
        for i, text in enumerate(texts):
            if i > first and total + len(text) > self.tokens:
                yield texts[first:i]
                first, total = i, 0
            total += len(text)
        if texts:
            yield texts[first:]

    def lay(self, texts: Sequence[Tokens], longest: int, padding: int) -> Layout:
        """Texts as they are."""
        lengths = [len(text) for text in texts]
        return Layout(texts, lengths, runs_of(lengths))

    def text_trials(self, longest: int) -> Iterator[Sequence[Tokens]]:
        """None: no shape comes twice."""
        return iter(())

    def image_trials(self) -> Sequence[int]:
        """None."""
        return ()

    def split(self, images: Tensor) -> Iterator[Tensor]:
        """Full passes, and what remains."""
        yield from torch.split(images, self.images)

    def fill(self, images: Tensor) -> Tensor:
        """Images as they are."""
        return images

    def compiled(self, function: Callable[Parameters, Tensor]) -> Callable[Parameters, Tensor]:
        """The function as it is: no two passes have the same shape."""
        return function
