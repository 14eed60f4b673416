"""Loads the model of a tool."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from transformers import (
    AutoModelForImageClassification,
    AutoModelForImageTextToText,
    AutoModelForImageToImage,
    AutoModelForMaskedLM,
    AutoModelForObjectDetection,
    AutoModelForQuestionAnswering,
    AutoModelForSeq2SeqLM,
    AutoModelForSequenceClassification,
    AutoModelForVisualQuestionAnswering,
    PreTrainedModel,
)

from autoflow.images import ImageLimits
from autoflow_experts.pretrained.catalogue import ModelSpec
from autoflow_experts.pretrained.expert import Network
from autoflow_experts.pretrained.networks.answers import Answerer
from autoflow_experts.pretrained.networks.loading import (
    Architecture,
    folder_of,
    load_model,
    load_processor,
    load_tokenizer,
)
from autoflow_experts.pretrained.networks.passes import Passes, Work
from autoflow_experts.pretrained.networks.pictures import (
    Detector,
    PictureAnswerer,
    PictureClassifier,
    Restorer,
)
from autoflow_experts.pretrained.networks.texts import GapFiller, TextClassifier
from autoflow_experts.pretrained.networks.writing import Captioner, Rewriter


@dataclass(frozen=True, slots=True)
class Machine:
    """What all models of a service run on."""

    device: str
    """`auto`, or a device of torch's."""
    dtype: str
    """Of models that state none; one of `DTYPES`."""
    budget: int
    """Tokens of a pass."""
    limits: ImageLimits
    """What pictures may be."""


def load_network(spec: ModelSpec, machine: Machine) -> Network:
    """Loads the model of a tool.

    Raises:
        OSError: there is no such model, or it has no weights in safetensors.
        ValueError: it is a model of another kind.
    """
    folder = folder_of(spec.source, spec.revision)
    dtype: torch.dtype = getattr(torch, spec.dtype or machine.dtype)
    work = _WORKS[spec.tool](_Source(folder, spec, dtype, machine.limits))
    return Passes(work, _device(machine.device), machine.budget)


@dataclass(frozen=True, slots=True)
class _Source:
    """What a model is made from."""

    folder: Path
    spec: ModelSpec
    dtype: torch.dtype
    limits: ImageLimits

    def model(self, architecture: Architecture) -> PreTrainedModel:
        """The model."""
        return load_model(architecture, self.folder, self.dtype)

    @property
    def tokenizer(self) -> Any:
        """The model's tokenizer."""
        return load_tokenizer(self.folder)

    @property
    def processor(self) -> Any:
        """What makes pictures what the model wants them to be."""
        return load_processor(self.folder)


def _answers(source: _Source) -> Work:
    return Answerer(source.model(_ANSWERS), source.tokenizer)


def _captions(source: _Source) -> Work:
    model, spec = source.model(_CAPTIONS), source.spec
    return Captioner(model, source.processor, source.tokenizer, source.limits, spec.max_new_tokens)


def _classes(source: _Source) -> Work:
    return PictureClassifier(source.model(_CLASSES), source.processor, source.limits)


def _gaps(source: _Source) -> Work:
    return GapFiller(source.model(_GAPS), source.tokenizer)


def _objects(source: _Source) -> Work:
    return Detector(source.model(_OBJECTS), source.processor, source.limits, source.spec.threshold)


def _restored(source: _Source) -> Work:
    return Restorer(source.model(_RESTORED), source.processor, source.limits)


def _rewritten(source: _Source) -> Work:
    model, spec = source.model(_REWRITTEN), source.spec
    return Rewriter(model, source.tokenizer, spec.prefix, spec.max_new_tokens)


def _seen_answers(source: _Source) -> Work:
    return PictureAnswerer(source.model(_SEEN_ANSWERS), source.processor, source.tokenizer, source.limits)


def _sentiment(source: _Source) -> Work:
    return TextClassifier(source.model(_SENTIMENT), source.tokenizer)


_ANSWERS = Architecture(AutoModelForQuestionAnswering)
# A decoder looks at all that an encoder saw, not at the summary that some encoders make of it.
_CAPTIONS = Architecture(
    AutoModelForImageTextToText, types=("vision-encoder-decoder",), unused=("encoder.pooler.",)
)
_CLASSES = Architecture(AutoModelForImageClassification)
_GAPS = Architecture(AutoModelForMaskedLM)
_OBJECTS = Architecture(AutoModelForObjectDetection)
_RESTORED = Architecture(AutoModelForImageToImage)
_REWRITTEN = Architecture(AutoModelForSeq2SeqLM)
_SEEN_ANSWERS = Architecture(AutoModelForVisualQuestionAnswering, types=("vilt",))
_SENTIMENT = Architecture(AutoModelForSequenceClassification)
_WORKS: Mapping[str, Callable[[_Source], Work]] = {
    "Fill Mask": _gaps,
    "Image Captioning": _captions,
    "Image Classification": _classes,
    "Image Deblurring": _restored,
    "Image Denoising": _restored,
    "Image Super Resolution": _restored,
    "Machine Translation": _rewritten,
    "Object Detection": _objects,
    "Question Answering": _answers,
    "Sentiment Analysis": _sentiment,
    "Text Summarization": _rewritten,
    "Visual Question Answering": _seen_answers,
}


def _device(name: str) -> torch.device:
    if name != "auto":
        return torch.device(name)
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")
