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
from autoflow_experts.classic.languages import Languages
from autoflow_experts.classic.seeing.eye import Eye
from autoflow_experts.classic.translation import Translator
from autoflow_experts.experts import Inputs, Weightless, one_by_one
from autoflow_experts.pictures import Pixels, read, write


def classic_experts(limits: ImageLimits, eye: Eye) -> tuple[Weightless, ...]:
    """The experts, one for each tool of the suite `planning`.

    Args:
        limits: what a picture may be.
        eye: what looks at pictures.
    """
    languages = Languages()
    functions = {**_image_functions(_Pictures(limits, eye, languages)), **_text_functions(languages)}
    return tuple(one_by_one(tool, functions[tool.name]) for tool in TOOLS)


_Function = Callable[[Inputs], Content]


@dataclass(frozen=True, slots=True)
class _Pictures:
    """Functions of samples from functions of pixels and of scenes."""

    limits: ImageLimits
    eye: Eye
    languages: Languages

    def mended(self, function: Callable[[Pixels], Pixels]) -> _Function:
        return lambda inputs: write(function(read(inputs[0], self.limits)))

    def seen(self, function: Callable[[Scene], str]) -> _Function:
        return lambda inputs: function(self.eye.look(read(inputs[0], self.limits)))

    def classified(self, inputs: Inputs) -> Content:
        return telling.classified(self.eye.glance(read(inputs[0], self.limits)).place)

    def asked(self, inputs: Inputs) -> Content:
        question = self.languages.english(_text(inputs[1]))
        return telling.answered(self.eye.look(read(inputs[0], self.limits)), question)


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


def _text_functions(languages: Languages) -> dict[str, _Function]:
    book, clues = PhraseBook(), Clues()
    translator = Translator(book)

    def given(function: Callable[..., Content]) -> _Function:
        """A function of English texts as one of samples."""
        return lambda inputs: function(*(languages.english(_text(content)) for content in inputs))

    return {
        "Fill Mask": given(lambda text: reading.filled(text, clues)),
        "Machine Translation": given(translator.german),
        "Question Answering": given(reading.answered),
        "Sentiment Analysis": given(reading.sentiment),
        "Text Summarization": given(lambda text: reading.summarized(text, book)),
        "Text to Image Generation": given(lambda text: write(depicted(text))),
    }


def _text(content: Content) -> str:
    assert isinstance(content, str)
    return content
