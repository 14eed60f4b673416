"""A device with too little memory gets a pass in halves, a few times, and then the caller is told."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
import torch
from torch import Tensor

from autoflow.errors import ResourceExhausted
from autoflow_scorer.engine.device import in_memory
from autoflow_scorer.engine.packing import Packed, Tokens
from autoflow_scorer.engine.patches import ImageEncoder, Pixels


class SmallDevice:
    """Runs texts of so many tokens at once."""

    def __init__(self, tokens: int) -> None:
        self._tokens = tokens
        self.ran: list[int] = []
        self.refused = 0

    def __call__(self, texts: Sequence[Tokens]) -> Tensor:
        tokens = [token for text in texts for token in text]
        if len(tokens) > self._tokens:
            self.refused += 1
            raise torch.OutOfMemoryError("CUDA out of memory")
        self.ran.append(len(texts))
        return torch.tensor(tokens).unsqueeze(1)


TEXTS = [(i, i) for i in range(12)]
EXPECTED = [[i] for i in range(12) for _ in range(2)]


@pytest.mark.parametrize(
    ("tokens", "ran"), [(24, [12]), (12, [6, 6]), (11, [3] * 4), (4, [1, 2] * 4), (2, [1] * 12)]
)
def test_a_pass_is_halved_until_it_fits(tokens: int, ran: list[int]) -> None:
    device = SmallDevice(tokens)
    assert in_memory(device, TEXTS).tolist() == EXPECTED
    assert device.ran == ran


@pytest.mark.parametrize(("texts", "refused"), [(TEXTS[:1], 1), (TEXTS[:2], 2), (TEXTS * 99, 5)])
def test_a_device_that_has_no_memory_at_all_is_told_after_a_few_tries(
    texts: list[Tokens], refused: int
) -> None:
    device = SmallDevice(1)
    with pytest.raises(ResourceExhausted) as told:
        in_memory(device, texts)
    assert told.value.retry_after is not None
    assert told.value.retry_after > 0
    assert device.refused == refused
    # The device's own message, which may hold sizes and paths, goes nowhere.
    assert told.value.__context__ is None


def test_other_errors_pass() -> None:
    def broken(texts: Sequence[Tokens]) -> Tensor:
        raise RuntimeError("an illegal memory access")

    with pytest.raises(RuntimeError, match="illegal"):
        in_memory(broken, TEXTS)


def test_images_are_halved_as_well() -> None:
    sizes: list[int] = []

    def tower(pixels: Tensor) -> Tensor:
        sizes.append(len(pixels))
        if len(pixels) > 2:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return pixels.flatten(1)[:, :5]

    images = torch.randint(0, 256, (7, 3, 4, 4), dtype=torch.uint8)
    pixels = Pixels(4, [0.4] * 3, [0.5] * 3)
    found = ImageEncoder(pixels, tower, 5, Packed(images=4)).encode_images(images)
    whole = torch.nn.functional.normalize(pixels.normalized(images).flatten(1)[:, :5], dim=1)
    torch.testing.assert_close(found, whole)
    assert sizes == [4, 2, 2, 3, 1, 2]
