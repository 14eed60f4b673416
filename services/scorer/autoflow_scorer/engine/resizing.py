"""Brings pictures to the size that a model takes, as transformers' image processors do.

On the host with Pillow: bit for bit what the processors give. On a device with torch's antialiased
interpolation, which differs by a third of a level of 255 on a photograph that is made smaller, and by up to
twenty at hard edges that are made larger (Pillow rounds and clips between its two passes); decoding is then
all that is left to the host.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor
from transformers import ImageProcessingMixin

from autoflow_scorer.engine.loading import Source

_MODES = {Image.Resampling.BILINEAR: "bilinear", Image.Resampling.BICUBIC: "bicubic"}
"""What torch has, too."""


@dataclass(frozen=True, slots=True)
class Resizing:
    """How a model's pictures are resized; at the end they are squares.

    Attributes:
        size: of the resized picture: of its shorter side, or of both.
        keep_ratio: whether only the shorter side is given.
        crop: the side of the square that is cut from the middle; None for all of it.
        resample: the filter.
    """

    size: int
    keep_ratio: bool
    crop: int | None
    resample: Image.Resampling

    @classmethod
    def load(cls, source: Source) -> Resizing:
        """Reads a model's preprocessor_config.json.

        Raises:
            OSError: there is none.
            ValueError: it wants something that is not done here.
        """
        settings, _ = ImageProcessingMixin.get_image_processor_dict(source)
        return cls.of(settings)

    @classmethod
    def of(cls, settings: dict[str, Any]) -> Resizing:
        """Reads what such a file holds.

        Raises:
            ValueError: it wants something that is not done here.
        """
        if settings.get("do_resize") is False:
            raise ValueError("image processors that do not resize are not supported")
        size = settings["size"]
        if isinstance(size, int):
            # Written before sizes had names: CLIP meant the shorter side, ViT both.
            size = (
                {"shortest_edge": size} if settings.get("do_center_crop") else {"height": size, "width": size}
            )
        crop = settings.get("crop_size") if settings.get("do_center_crop") else None
        sides = {size.get("shortest_edge"), size.get("height"), size.get("width")} - {None}
        crops = set(crop.values()) if isinstance(crop, dict) else {crop}
        if len(sides) != 1 or len(crops) != 1 or size.get("longest_edge"):
            raise ValueError(f"image sizes other than squares are not supported: {size}, {crop}")
        keep_ratio = "shortest_edge" in size
        if keep_ratio and crop is None:
            raise ValueError("image processors that keep the ratio and do not crop are not supported")
        resample = Image.Resampling(settings.get("resample", Image.Resampling.BILINEAR))
        return cls(sides.pop(), keep_ratio, crops.pop(), resample)

    @property
    def side(self) -> int:
        """The side of what comes out."""
        return self.crop or self.size

    def on_host(self, image: Image.Image) -> Tensor:
        """Resizes an RGB picture: [3, side, side], uint8."""
        width, height = self._resized(*image.size)
        resized = image.resize((width, height), self.resample)
        return self._cropped(_tensor(resized))

    def on_device(self, pixels: Tensor) -> Tensor:
        """Resizes [3, height, width] of uint8 where it lies: [3, side, side], uint8.

        Raises:
            KeyError: torch has no such filter; see `has_device_filter`.
        """
        width, height = self._resized(pixels.shape[2], pixels.shape[1])
        resized = F.interpolate(
            pixels.unsqueeze(0).float(), (height, width), mode=_MODES[self.resample], antialias=True
        )
        return self._cropped(resized[0].round_().clamp_(0, 255).to(torch.uint8))

    @property
    def has_device_filter(self) -> bool:
        """Whether `on_device` can do it."""
        return self.resample in _MODES

    def _resized(self, width: int, height: int) -> tuple[int, int]:
        if not self.keep_ratio:
            return self.size, self.size
        long = int(self.size * max(width, height) / min(width, height))
        return (self.size, long) if width <= height else (long, self.size)

    def _cropped(self, pixels: Tensor) -> Tensor:
        """Cuts the middle; where the picture is smaller, zeros are added around it."""
        if self.crop is None:
            return pixels
        for axis in (1, 2):
            missing = self.crop - pixels.shape[axis]
            if missing > 0:
                before = missing - missing // 2
                padding = [0, 0, before, missing - before] if axis == 1 else [before, missing - before]
                pixels = F.pad(pixels, padding)
            start = (pixels.shape[axis] - self.crop) // 2
            pixels = pixels.narrow(axis, start, self.crop)
        return pixels.contiguous()


def host_pixels(image: Image.Image) -> Tensor:
    """An RGB picture as it is: [3, height, width], uint8."""
    return _tensor(image)


def _tensor(image: Image.Image) -> Tensor:
    # A copy: what Pillow lends out cannot be written to, which torch wants.
    return torch.from_numpy(np.array(image, dtype=np.uint8)).permute(2, 0, 1).contiguous()
