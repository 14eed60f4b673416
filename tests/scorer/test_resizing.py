"""Resizing against the image processors of transformers."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageDraw
from transformers.models.clip.image_processing_pil_clip import CLIPImageProcessorPil
from transformers.models.vit.image_processing_pil_vit import ViTImageProcessorPil

from autoflow_scorer.engine.resizing import Resizing, host_pixels
from tests.scorer.devices import DEVICE


def picture(width: int, height: int) -> Image.Image:
    image = Image.effect_mandelbrot((width, height), (-2.2, -1.5, 1.2, 1.5), 80).convert("RGB")
    drawing = ImageDraw.Draw(image)
    drawing.ellipse((width // 4, height // 4, width // 2, height // 2), fill="orange")
    drawing.line((0, height, width, 0), fill="blue", width=3)
    return image


PROCESSORS = {
    "clip": CLIPImageProcessorPil(size={"shortest_edge": 56}, crop_size={"height": 56, "width": 56}),
    "clip, crop beyond the picture": CLIPImageProcessorPil(
        size={"shortest_edge": 40}, crop_size={"height": 57, "width": 57}
    ),
    "vit": ViTImageProcessorPil(size={"height": 48, "width": 48}),
    "vit, bicubic": ViTImageProcessorPil(size={"height": 48, "width": 48}, resample=3),
}


def processed(processor: Any, image: Image.Image) -> torch.Tensor:
    """The processor's picture before its values are scaled."""
    given = processor(image, do_rescale=False, do_normalize=False, return_tensors="np")["pixel_values"][0]
    return torch.from_numpy(np.asarray(given))


@pytest.mark.parametrize("name", PROCESSORS)
@settings(max_examples=15)
@given(width=st.integers(20, 300), height=st.integers(20, 300))
def test_on_the_host_it_is_bit_for_bit_the_processors(name: str, width: int, height: int) -> None:
    processor = PROCESSORS[name]
    image = picture(width, height)
    ours = Resizing.of(processor.to_dict()).on_host(image)
    assert ours.dtype == torch.uint8
    assert torch.equal(ours.float(), processed(processor, image).float())


@pytest.mark.parametrize("name", ["clip", "vit", "vit, bicubic"])
@pytest.mark.parametrize("size", [(200, 150), (56, 90), (31, 33)])
def test_on_a_device_it_is_nearly_so(name: str, size: tuple[int, int]) -> None:
    resizing = Resizing.of(PROCESSORS[name].to_dict())
    image = picture(*size)
    on_device = resizing.on_device(host_pixels(image).to(DEVICE)).cpu()
    difference = resizing.on_host(image).float() - on_device.float()
    assert difference.abs().max() <= 24
    assert math.sqrt(difference.square().mean()) < 1.5


@pytest.mark.parametrize(
    "unsupported",
    [
        {"size": {"height": 10, "width": 20}},
        {"size": {"shortest_edge": 10, "longest_edge": 20}},
        {"size": {"shortest_edge": 10}, "do_center_crop": False},
        {"size": {"height": 10, "width": 10}, "do_resize": False},
    ],
)
def test_what_it_does_not_do_is_refused(unsupported: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="not supported"):
        Resizing.of(unsupported)
