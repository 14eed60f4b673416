"""Experts without weights: for the built-in scenes and texts, and in a modest way for others."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from autoflow.images import ImageLimits
from autoflow.suites import Content
from autoflow.suites.planning import TOOLS
from autoflow.suites.samples.clues import Clues
from autoflow.suites.samples.phrases import PhraseBook
from autoflow.suites.scenes import Scene
from autoflow_experts.classic import reading, restoration, telling
from autoflow_experts.classic.colorization import Colorizer
from autoflow_experts.classic.depicting import depicted
from autoflow_experts.classic.pictures import Pixels, read, write
from autoflow_experts.classic.seeing.eye import Eye
from autoflow_experts.classic.translation import Translator
from autoflow_experts.experts import Expert, Inputs, one_by_one


def classic_experts(limits: ImageLimits, eye: Eye) -> tuple[Expert, ...]:
    """The experts, one for each tool of the suite `planning`.

    Args:
        limits: what a picture may be.
        eye: what looks at pictures.
    """
    functions = {**_image_functions(_Pictures(limits, eye)), **_text_functions()}
    return tuple(one_by_one(tool, functions[tool.name]) for tool in TOOLS)


_Function = Callable[[Inputs], Content]


@dataclass(frozen=True, slots=True)
class _Pictures:
    """Functions of samples from functions of pixels and of scenes."""

    limits: ImageLimits
    eye: Eye

    def mended(self, function: Callable[[Pixels], Pixels]) -> _Function:
        return lambda inputs: write(function(read(inputs[0], self.limits)))

    def seen(self, function: Callable[[Scene], str]) -> _Function:
        return lambda inputs: function(self.eye.look(read(inputs[0], self.limits)))

    def classified(self, inputs: Inputs) -> Content:
        return telling.classified(self.eye.glance(read(inputs[0], self.limits)).place)

    def asked(self, inputs: Inputs) -> Content:
        return telling.answered(self.eye.look(read(inputs[0], self.limits)), _text(inputs[1]))


def _image_functions(pictures: _Pictures) -> dict[str, _Function]:
    return {
        "Colorization": pictures.mended(Colorizer(pictures.eye).colour),
        "Image Captioning": pictures.seen(telling.told),
        "Image Classification": pictures.classified,
        "Image Deblurring": pictures.mended(restoration.deblurred),
        "Image Denoising": pictures.mended(restoration.denoised),
        "Image Super Resolution": pictures.mended(restoration.enlarged),
        "Object Detection": pictures.seen(telling.listed),
        "Visual Question Answering": pictures.asked,
    }


def _text_functions() -> dict[str, _Function]:
    book, clues = PhraseBook(), Clues()
    translator = Translator(book)
    return {
        "Fill Mask": lambda inputs: reading.filled(_text(inputs[0]), clues),
        "Machine Translation": lambda inputs: translator.german(_text(inputs[0])),
        "Question Answering": lambda inputs: reading.answered(*map(_text, inputs)),
        "Sentiment Analysis": lambda inputs: reading.sentiment(_text(inputs[0])),
        "Text Summarization": lambda inputs: reading.summarized(_text(inputs[0]), book),
        "Text to Image Generation": lambda inputs: write(depicted(_text(inputs[0]))),
    }


def _text(content: Content) -> str:
    assert isinstance(content, str)
    return content
