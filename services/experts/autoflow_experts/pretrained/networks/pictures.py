"""Models that look at pictures: what they make of one is a class, a list of things, or a better picture."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from PIL import Image
from transformers import PreTrainedModel

from autoflow.images import ImageLimits
from autoflow.suites import Content
from autoflow.suites.scenes.words import ENGLISH
from autoflow_experts.experts import Failure, Inputs, Result, Unusable
from autoflow_experts.pictures import Pixels, enlarged_size, read, rounded, write
from autoflow_experts.pretrained.networks.passes import Item
from autoflow_experts.pretrained.networks.texts import Encoding, labels, text_of

_PATCH = 256
"""Pixels of what a model is given that count as a token: a patch of 16 by 16."""
_FINE_PATCH = 16
"""The same for a model that keeps every pixel."""


class Looking:
    """Pictures as a model wants them.

    Args:
        model: the model.
        processor: the model's; what comes of it for one picture is [1, ...].
        limits: what pictures may be.
    """

    def __init__(self, model: PreTrainedModel, processor: Any, limits: ImageLimits) -> None:
        self._dtype = model.dtype
        self._processor = processor
        self._limits = limits

    def picture(self, content: Content) -> Image.Image:
        """An input that is a picture.

        Raises:
            Unusable: it cannot be read.
        """
        return Image.fromarray(read(content, self._limits))

    def item(self, picture: Image.Image, more: int = 0, patch: int = _PATCH) -> Item:
        """A picture, ready for a model.

        Args:
            picture: the picture.
            more: tokens that it costs beside its own.
            patch: pixels of what the model is given that count as a token.

        Raises:
            Unusable: the model takes no picture of this size.
        """
        try:
            payload = dict(self._processor(images=picture, return_tensors="pt"))
        except ValueError:
            # Some make a narrow picture one without any width.
            size = f"{picture.width} x {picture.height}"
            raise Unusable(f"the model takes no picture of {size} pixels") from None
        height, width = payload["pixel_values"].shape[-2:]
        return Item(payload, max(height * width // patch, 1) + more, (height, width))

    def stacked(self, items: Sequence[Item], device: torch.device) -> dict[str, torch.Tensor]:
        """The pictures of a pass, each tensor [items, ...]."""
        inputs = {name: torch.cat([item.payload[name] for item in items]) for name in items[0].payload}
        inputs["pixel_values"] = inputs["pixel_values"].to(self._dtype)
        return {name: tensor.to(device) for name, tensor in inputs.items()}


class PictureClassifier:
    """Tells the class of a picture.

    Args:
        model: of transformers, for image classification.
        processor: the model's.
        limits: what pictures may be.
    """

    def __init__(self, model: PreTrainedModel, processor: Any, limits: ImageLimits) -> None:
        self.model = model
        self._looking = Looking(model, processor, limits)

    def prepare(self, inputs: Inputs) -> Item:
        """See `Work`."""
        return self._looking.item(self._looking.picture(inputs[0]))

    def run(self, items: Sequence[Item], device: torch.device) -> list[Result]:
        """See `Work`."""
        return [*labels(self.model, self.model(**self._looking.stacked(items, device)).logits)]


class Detector:
    """Names the things in a picture, from left to right, with commas.

    Args:
        model: of transformers, for object detection.
        processor: the model's.
        limits: what pictures may be.
        threshold: how sure of a thing it must be, 0 to 1, to name it.
    """

    def __init__(self, model: PreTrainedModel, processor: Any, limits: ImageLimits, threshold: float) -> None:
        self.model = model
        self._processor = processor
        self._looking = Looking(model, processor, limits)
        self._threshold = threshold

    def prepare(self, inputs: Inputs) -> Item:
        """See `Work`."""
        return self._looking.item(self._looking.picture(inputs[0]))

    def run(self, items: Sequence[Item], device: torch.device) -> list[Result]:
        """See `Work`."""
        outputs: Any = self.model(**self._looking.stacked(items, device))
        outputs.logits, outputs.pred_boxes = outputs.logits.float(), outputs.pred_boxes.float()
        found = self._processor.post_process_object_detection(outputs, threshold=self._threshold)
        return [self._named(each["labels"], each["boxes"]) for each in found]

    def _named(self, classes: torch.Tensor, boxes: torch.Tensor) -> str:
        """The names of things: [things], and their boxes [things, 4] as left, top, right, bottom."""
        names: Any = self.model.config.id2label
        order = (boxes[:, 0] + boxes[:, 2]).argsort(stable=True)
        return ", ".join(names[index] for index in classes[order].tolist()) or ENGLISH.nothing


class PictureAnswerer:
    """Answers a question about a picture, by one of the answers that the model knows.

    Args:
        model: a ViLT of transformers, for visual question answering.
        processor: the model's, of pictures.
        tokenizer: the model's.
        limits: what pictures may be.
    """

    def __init__(self, model: PreTrainedModel, processor: Any, tokenizer: Any, limits: ImageLimits) -> None:
        self.model = model
        self._looking = Looking(model, processor, limits)
        self._encoding = Encoding(model, tokenizer)

    def prepare(self, inputs: Inputs) -> Item:
        """See `Work`."""
        question = self._encoding.item(text_of(inputs[1]))
        seen = self._looking.item(self._looking.picture(inputs[0]), question.cost)
        return Item((seen, question), seen.cost, seen.shape)

    def run(self, items: Sequence[Item], device: torch.device) -> list[Result]:
        """See `Work`."""
        seen = self._looking.stacked([item.payload[0] for item in items], device)
        asked = self._encoding.padded([item.payload[1] for item in items], device)
        return [*labels(self.model, self.model(**seen, **asked).logits)]


class Restorer:
    """Makes a picture better, or larger by the model's factor.

    Args:
        model: a Swin2SR of transformers.
        processor: the model's; it fills a picture up at its right and lower sides, which is cut off again.
        limits: what pictures may be.
    """

    def __init__(self, model: PreTrainedModel, processor: Any, limits: ImageLimits) -> None:
        self.model = model
        config: Any = model.config
        self._factor = int(config.upscale)
        self._looking = Looking(model, processor, limits)

    def prepare(self, inputs: Inputs) -> Item:
        """See `Work`."""
        picture = self._looking.picture(inputs[0])
        size = enlarged_size(picture.width, picture.height, self._factor)
        item = self._looking.item(picture, patch=_FINE_PATCH)
        return Item((item, size), item.cost, item.shape)

    def run(self, items: Sequence[Item], device: torch.device) -> list[Result]:
        """See `Work`."""
        outputs: Any = self.model(**self._looking.stacked([item.payload[0] for item in items], device))
        values = (outputs.reconstruction.float() * 255).permute(0, 2, 3, 1).cpu().numpy()
        return [
            _written(rounded(one[:height, :width]))
            for one, (width, height) in zip(values, (item.payload[1] for item in items), strict=True)
        ]


def _written(pixels: Pixels) -> Result:
    try:
        return write(pixels)
    except Unusable as reason:
        return Failure(str(reason))
