"""What all encoders of images share: how images become passes, and the first layer, of patch embeddings.

Dosovitskiy et al. 2021, arXiv:2010.11929, §3.1. Images come decoded and of the model's size.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from autoflow_scorer.engine.device import attempt, in_memory
from autoflow_scorer.engine.linear import Linears
from autoflow_scorer.engine.packing import Packed, Passes, Run

Tower = Callable[[Tensor], Tensor]
"""Maps normalised images [n, 3, size, size] to [n, width]."""


class Pixels:
    """What a model wants its images to be.

    Args:
        size: height and width.
        mean: subtracted from each channel, of values in [0, 1].
        std: divides each channel afterwards.
        device: where the model lives.
    """

    def __init__(
        self,
        size: int,
        mean: Sequence[float],
        std: Sequence[float],
        device: torch.device | str = "cpu",
    ) -> None:
        self._size = size
        self._mean, self._std = (torch.tensor(each, device=device).view(3, 1, 1) for each in (mean, std))

    def black(self, count: int) -> Tensor:
        """Black images, [count, 3, size, size], uint8."""
        return torch.zeros(count, 3, self._size, self._size, dtype=torch.uint8)

    def normalized(self, images: Tensor) -> Tensor:
        """Turns [n, 3, size, size] of uint8, of any device, into float32 of mean 0 on the model's.

        Raises:
            ValueError: the images have another size.
        """
        if images.dtype != torch.uint8 or images.shape[1:] != (3, self._size, self._size):
            size, given = self._size, tuple(images.shape)
            raise ValueError(f"images are {images.dtype} {given}, not uint8 [n, 3, {size}, {size}]")
        placed = images.to(self._mean.device, non_blocking=True)
        return (placed.float().div_(255) - self._mean).div_(self._std)


class ImageEncoder:
    """Embeddings of images.

    Args:
        pixels: what the tower wants of images.
        tower: embeds normalised images.
        width: of the embeddings.
        passes: which images go through the tower together.
    """

    def __init__(self, pixels: Pixels, tower: Tower, width: int, passes: Passes | None = None) -> None:
        self._pixels = pixels
        self._tower = tower
        self._width = width
        self._passes = passes or Packed()

    def encode_images(self, images: Tensor) -> Tensor:
        """Embeds images.

        Args:
            images: [n, 3, size, size], uint8, on the model's device or the CPU.

        Returns:
            [n, width], float32, rows of length 1, on the model's device.

        Raises:
            ValueError: the images have another size or type.
            ResourceExhausted: the device has no memory for a few of them.
        """
        if not len(images):
            return torch.empty(0, self._width)
        with torch.inference_mode():
            parts = [in_memory(self._run, part) for part in self._passes.split(images)]
            return F.normalize(torch.cat(parts).float(), dim=-1)

    def warm_up(self) -> Iterator[None]:
        """Runs a pass of each shape that passes can have, one a step."""
        for count in self._passes.image_trials():
            attempt(self._run, self._pixels.black(count))
            yield

    def _run(self, part: Tensor) -> Tensor:
        return self._tower(self._pixels.normalized(self._passes.fill(part)))[: len(part)]


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
