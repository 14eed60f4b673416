"""The first layer of vision transformers: images to patch embeddings.

Dosovitskiy et al. 2021, arXiv:2010.11929, §3.1. Images come decoded and of the model's size.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from autoflow_scorer.engine.linear import Linears
from autoflow_scorer.engine.packing import Run


@dataclass(frozen=True, slots=True)
class Pixels:
    """What a model wants its images to be.

    Attributes:
        size: height and width.
        mean: subtracted from each channel, of values in [0, 1].
        std: divides each channel afterwards.
    """

    size: int
    mean: Sequence[float]
    std: Sequence[float]

    def normalized(self, images: Tensor) -> Tensor:
        """Turns [n, 3, size, size] of uint8 into float32 of mean 0.

        Raises:
            ValueError: the images have another size.
        """
        if images.dtype != torch.uint8 or images.shape[1:] != (3, self.size, self.size):
            raise ValueError(
                f"images are {images.dtype} {tuple(images.shape)}, not uint8 [n, 3, {self.size}, {self.size}]"
            )
        mean, std = (
            torch.tensor(values, device=images.device).view(3, 1, 1) for values in (self.mean, self.std)
        )
        return (images.float().div_(255) - mean).div_(std)


class PatchEmbedding:
    """A class token and one embedding a patch, with their positions.

    Args:
        kernel: [width, 3, patch, patch], a convolution whose stride is its size: a linear layer over patches.
        bias: [width].
        class_token: [width].
        positions: [1 + patches, width].
        linears: device, type and kernel.
    """

    def __init__(
        self, kernel: Tensor, bias: Tensor | None, class_token: Tensor, positions: Tensor, linears: Linears
    ) -> None:
        self._patch = kernel.shape[-1]
        self._linear = linears.make(kernel.flatten(1), bias)
        self._dtype = linears.dtype
        self._first = linears.place(class_token + positions[0])
        self._positions = linears.place(positions[1:])

    def __call__(self, pixels: Tensor) -> tuple[Tensor, Run]:
        """Embeds normalised images [n, 3, size, size].

        Returns:
            Packed rows [n (1 + patches), width], each image's class token first; and the run that they are.
        """
        count, channels, size, _ = pixels.shape
        side = size // self._patch
        cut = pixels.to(self._dtype).view(count, channels, side, self._patch, side, self._patch)
        flat = cut.permute(0, 2, 4, 1, 3, 5).reshape(count * side * side, -1)
        patches = self._linear(flat).view(count, side * side, -1).add_(self._positions)
        first = self._first.expand(count, 1, -1)
        run = Run(0, count, side * side + 1)
        return torch.cat((first, patches), dim=1).view(count * run.length, -1), run
