"""Passes of few shapes, for devices that are slower at starting work than at doing it.

Packed rows cost a GPU an attention call for each length of a batch, and each batch is a shape of its own.
Here texts are padded to the next power of two, and go in one of a few numbers of texts for that length; so a
layer is one call for each of its parts, and can be compiled for its shape. Padding is masked: it changes no
result beyond rounding. At most half of a text of more than the shortest length is padding, and each length
is filled up with texts that nobody asked for to a multiple of its smallest pass.

The first pass of each shape waits for the compiler: `text_trials` and `image_trials` have them all, to be run
before anybody waits.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

from torch import Tensor

from autoflow_scorer.engine.compiling import Backend, Compiled
from autoflow_scorer.engine.packing import Layout, Parameters, Run, Tokens


@dataclass(frozen=True, slots=True)
class Buckets:
    """Passes of few shapes.

    Attributes:
        tokens: of a pass, the sizes that there are, the largest first: a length's numbers of texts are these
            over the length.
        images: of a pass, the numbers that there are, the largest first.
        shortest: what a shorter text is padded to.
        backend: of `torch.compile`; None compiles nothing.
    """

    tokens: Sequence[int] = (16_384, 4_096, 1_024)
    images: Sequence[int] = (64, 16, 4)
    shortest: int = 16
    backend: Backend | None = "inductor"

    def cut(self, texts: Sequence[Tokens]) -> Iterator[Sequence[Tokens]]:
        """Cuts each bucket into its full passes, and what remains."""
        for length, group in groupby(texts, self._length):
            bucket = list(group)
            for start, stop in _parts(len(bucket), self._counts(length)):
                yield bucket[start:stop]

    def lay(self, texts: Sequence[Tokens], longest: int, padding: int) -> Layout:
        """Pads texts to their bucket's length, and adds texts up to one of its numbers."""
        bucket = self._length(texts[-1])
        length = max(len(texts[-1]), min(bucket, longest))
        count = _filled(len(texts), self._counts(bucket))
        # With no token to attend to, what is added would give NaN.
        lengths = [len(text) for text in texts] + [1] * (count - len(texts))
        padded = [text + (padding,) * (length - len(text)) for text in texts]
        padded += [(padding,) * length] * (count - len(texts))
        return Layout(padded, lengths, [Run(0, count, length)], padded=True)

    def text_trials(self, longest: int) -> Iterator[Sequence[Tokens]]:
        """Every number of texts of every length."""
        bucket = self.shortest
        while True:
            for count in dict.fromkeys(self._counts(bucket)):
                yield [(0,) * min(bucket, longest)] * count
            if bucket >= longest:
                return
            bucket *= 2

    def image_trials(self) -> Sequence[int]:
        """Every number of images."""
        return self.images

    def split(self, images: Tensor) -> Iterator[Tensor]:
        """Full passes, and what remains."""
        for start, stop in _parts(len(images), self.images):
            yield images[start:stop]

    def fill(self, images: Tensor) -> Tensor:
        """Adds black images up to one of the numbers."""
        count = _filled(len(images), self.images)
        if count == len(images):
            return images
        filled = images.new_zeros(count, *images.shape[1:])
        filled[: len(images)] = images
        return filled

    def compiled(self, function: Callable[Parameters, Tensor]) -> Callable[Parameters, Tensor]:
        """The function, compiled for each shape when that first comes."""
        return function if self.backend is None else Compiled(function, self.backend)

    def _length(self, text: Tokens) -> int:
        return max(self.shortest, 1 << (len(text) - 1).bit_length())

    def _counts(self, length: int) -> list[int]:
        return [max(1, tokens // length) for tokens in self.tokens]


def _parts(total: int, counts: Sequence[int]) -> Iterator[tuple[int, int]]:
    """Cuts so many into parts of these counts, the largest first; the last part may be less than any."""
    start = 0
    while start < total:
        count = next((count for count in counts if count <= total - start), total - start)
        yield start, start + count
        start += count


def _filled(total: int, counts: Sequence[int]) -> int:
    """The least of these counts that is enough."""
    return min((count for count in counts if count >= total), default=total)
