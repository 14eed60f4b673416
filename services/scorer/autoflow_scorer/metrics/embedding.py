"""Metrics that are the cosine of two embeddings: CLIP Score and ViT Score."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Hashable, Iterator, Sequence
from typing import TypeAlias, cast

import torch
from torch import Tensor

from autoflow.images import ImageLimits, read_image
from autoflow.suites import Content
from autoflow_scorer.engine.clip import ClipEncoder
from autoflow_scorer.engine.device import in_memory, settle
from autoflow_scorer.engine.packing import Tokens
from autoflow_scorer.engine.patches import ImageEncoder
from autoflow_scorer.engine.resizing import Resizing, host_pixels
from autoflow_scorer.metrics.base import Column, Options
from autoflow_scorer.metrics.judging import Item, Job

Payload: TypeAlias = "Tokens | Tensor"
"""A text's tokens, or a picture as [3, height, width] of uint8."""

_DEVICE_PIXELS = 1 << 20
"""Width times height of a picture that is kept whole until a device resizes it."""


class EmbeddingJudge:
    """Compares contents by the cosine of their embeddings.

    Args:
        encoder: embeds them.
        resizing: how its pictures are resized.
        patches: how many tokens a picture is.
        device: where pictures are resized; on a CPU that is done by the threads that decode.
        limits: what pictures may be.
        digest: of the weights.
        size: bytes of the weights.
    """

    def __init__(
        self,
        encoder: ImageEncoder,
        resizing: Resizing,
        patches: int,
        device: torch.device,
        limits: ImageLimits,
        digest: str,
        size: int,
    ) -> None:
        self._encoder = encoder
        self._resizing = resizing
        self._patches = patches
        self._device = device
        self._on_device = device.type != "cpu" and resizing.has_device_filter
        self._limits = limits
        self.digest = digest
        self.bytes = size

    def keys(self, contents: Sequence[Content]) -> list[Hashable]:
        """The tokens of texts, the digest of pictures' files."""
        texts = [content for content in contents if isinstance(content, str)]
        tokens = iter(cast("ClipEncoder", self._encoder).tokenize(texts)) if texts else iter(())
        return [
            next(tokens) if isinstance(content, str) else hashlib.blake2b(content, digest_size=16).digest()
            for content in contents
        ]

    def read(self, content: Content, key: Hashable) -> Payload:
        """A text's tokens, or a picture decoded, and on a CPU resized.

        Raises:
            UnreadableImage: it is no picture that is read here.
        """
        if isinstance(content, str):
            return cast("Tokens", key)
        image = read_image(content, self._limits)
        # A small file may be a huge picture, and a request may hold thousands.
        large = image.width * image.height > _DEVICE_PIXELS
        pixels = host_pixels(image) if self._on_device and not large else self._resizing.on_host(image)
        # Pinned here, among many threads, and not in the one that computes.
        return pixels.pin_memory() if self._device.type == "cuda" else pixels

    def cost(self, payload: Payload) -> int:
        """A text's tokens, or a picture's patches."""
        return self._patches if isinstance(payload, Tensor) else len(payload)

    def embed(self, payloads: Sequence[Payload]) -> list[Tensor]:
        """[dimensions] for each."""
        embeddings: list[Tensor] = [torch.empty(0)] * len(payloads)
        pictures = [index for index, payload in enumerate(payloads) if isinstance(payload, Tensor)]
        texts = [index for index, payload in enumerate(payloads) if not isinstance(payload, Tensor)]
        if pictures:
            batch = torch.stack([self._placed(cast("Tensor", payloads[index])) for index in pictures])
            for index, embedding in zip(pictures, self._encoder.encode_images(batch), strict=True):
                embeddings[index] = embedding
        if texts:
            tokens = [cast("Tokens", payloads[index]) for index in texts]
            found = cast("ClipEncoder", self._encoder).encode_texts(tokens)
            for index, embedding in zip(texts, found, strict=True):
                embeddings[index] = embedding
        return embeddings

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
        """The pairs as they are."""
        return [Job(self, output, reference) for output, reference in pairs]

    def compare(self, jobs: Sequence[Job]) -> Tensor:
        """The cosine of each pair: [jobs, 1]."""
        outputs = torch.stack([cast("Tensor", job.output.embedding) for job in jobs])
        references = torch.stack([cast("Tensor", job.reference.embedding) for job in jobs])
        return (outputs * references).sum(dim=1, keepdim=True).clamp_(-1, 1).float().cpu()

    def finish(self, rows: Sequence[Tensor], options: Options) -> Column:
        """The cosines."""
        return Column(torch.stack(list(rows))[:, 0].tolist())

    def _placed(self, pixels: Tensor) -> Tensor:
        side = self._resizing.side
        placed = pixels.to(self._device, non_blocking=True)
        resized = not self._on_device or pixels.shape[1:] == (side, side)
        return placed if resized else self._resizing.on_device(placed)
