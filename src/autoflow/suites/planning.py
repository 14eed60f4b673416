"""The built-in suite `planning`: which tools, in which order, turn an input into what is wanted?

It has the structure of OpenAGI's tasks (Ge et al., arXiv 2304.04370), in wording of its own: every
meaningful *combination* of an input, its faults, the wanted result and the language of that result.

- A picture may be small, noisy, blurred, colourless, in any mixture; wanted are the restored picture, its
  caption, its class, the objects in it, or the answer to a question about it.
- A text may have gaps; wanted are the text without gaps, its sentiment, its summary, its translation, a
  picture of it, or the answer to a question about it.
- Words are wanted in English, which the tools write, or in German, which takes a translation.

The splits are disjoint by combination, not only by wording: no combination of the test split occurs in the
train or validation split, in any words. The embedded model was trained on none of them either.

Left out: input texts in other languages than English; several wanted results at once.
"""

from __future__ import annotations

import hashlib
import random
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from itertools import combinations, permutations

from autoflow.suites.model import ContentType, SampleSource, Split, Task, TaskSuite, Tool
from autoflow.suites.planning_queries import write_query

PARAPHRASES = 3
"""Tasks of one combination: the same content in different words."""

_DATA = 3
"""The version of the samples. Whoever changes what they hold raises it: it is part of the tasks' digests."""

_TEST_SHARE = 0.30
_VALIDATION_SHARE = 0.15

GOAL = (
    "Plan which models to run, and in which order, to turn the input of a task "
    "into the output that the task asks for."
)
"""What its tasks have in common."""


class Source(StrEnum):
    """What a task gives."""

    IMAGE = "image"
    TEXT = "text"
    IMAGE_AND_QUESTION = "image and question"
    TEXT_AND_QUESTION = "text and question"


class Fault(StrEnum):
    """What is wrong with the input."""

    LOW_RESOLUTION = "low resolution"
    NOISE = "noise"
    BLUR = "blur"
    GRAYSCALE = "grayscale"
    GAPS = "gaps"


class Wanted(StrEnum):
    """What a task asks for."""

    RESTORED_IMAGE = "restored image"
    CAPTION = "caption"
    CLASS = "class"
    OBJECTS = "objects"
    ANSWER = "answer"
    COMPLETE_TEXT = "complete text"
    SENTIMENT = "sentiment"
    SUMMARY = "summary"
    TRANSLATION = "translation"
    NEW_IMAGE = "new image"


class Language(StrEnum):
    """The language of wanted words."""

    ENGLISH = "English"
    GERMAN = "German"


IMAGE_FAULTS = (Fault.LOW_RESOLUTION, Fault.NOISE, Fault.BLUR, Fault.GRAYSCALE)

REPAIRS = {
    Fault.LOW_RESOLUTION: "Image Super Resolution",
    Fault.NOISE: "Image Denoising",
    Fault.BLUR: "Image Deblurring",
    Fault.GRAYSCALE: "Colorization",
    Fault.GAPS: "Fill Mask",
}
"""The tool that mends a fault."""

TRANSLATOR = "Machine Translation"

_MAKERS = {
    Wanted.CAPTION: "Image Captioning",
    Wanted.CLASS: "Image Classification",
    Wanted.OBJECTS: "Object Detection",
    Wanted.SENTIMENT: "Sentiment Analysis",
    Wanted.SUMMARY: "Text Summarization",
    Wanted.TRANSLATION: TRANSLATOR,
    Wanted.NEW_IMAGE: "Text to Image Generation",
}

_I, _T = ContentType.IMAGE, ContentType.TEXT

TOOLS = (
    Tool("Colorization", "adds colour to a grayscale image", (_I,), _I),
    Tool("Fill Mask", "fills the gaps of a text", (_T,), _T),
    Tool("Image Captioning", "describes an image in English", (_I,), _T),
    Tool("Image Classification", "names the class of an image in English", (_I,), _T),
    Tool("Image Deblurring", "sharpens a blurred image", (_I,), _I),
    Tool("Image Denoising", "removes noise from an image", (_I,), _I),
    Tool("Image Super Resolution", "enlarges an image of low resolution", (_I,), _I),
    Tool("Machine Translation", "translates an English text into German", (_T,), _T),
    Tool("Object Detection", "lists the objects of an image in English", (_I,), _T),
    Tool("Question Answering", "answers an English question about an English text", (_T, _T), _T),
    Tool("Sentiment Analysis", "tells the sentiment of an English text", (_T,), _T),
    Tool("Text Summarization", "summarizes an English text", (_T,), _T),
    Tool("Text to Image Generation", "draws an image of an English text", (_T,), _I),
    Tool("Visual Question Answering", "answers an English question about an image", (_I, _T), _T),
)
"""The tools that a plan may name, in the catalogue's order, which is alphabetical and never a plan's."""


@dataclass(frozen=True)
class Combination:
    """The content of a task, without its words."""

    source: Source
    faults: tuple[Fault, ...]
    """In the order of `Fault`."""
    wanted: Wanted
    language: Language | None
    """None where no words are wanted."""

    @property
    def id(self) -> str:
        """A readable name, such as `image.noise.blur.caption.german`."""
        parts = [self.source, *self.faults, self.wanted, self.language or ""]
        return ".".join(part.lower().replace(" ", "-") for part in parts if part)

    @property
    def inputs(self) -> tuple[ContentType, ...]:
        """The types that the task gives."""
        first = _I if self.source in (Source.IMAGE, Source.IMAGE_AND_QUESTION) else _T
        question = self.source in (Source.IMAGE_AND_QUESTION, Source.TEXT_AND_QUESTION)
        return (first, _T) if question else (first,)

    @property
    def output(self) -> ContentType:
        """The type that the task wants."""
        return _I if self.wanted in (Wanted.RESTORED_IMAGE, Wanted.NEW_IMAGE) else _T

    @property
    def maker(self) -> str | None:
        """The tool that makes what is wanted from an input without faults; None where mending is all."""
        if self.wanted is Wanted.ANSWER:
            return (
                "Visual Question Answering"
                if self.source is Source.IMAGE_AND_QUESTION
                else "Question Answering"
            )
        return _MAKERS.get(self.wanted)

    @property
    def needs_translation(self) -> bool:
        """Whether what the maker wrote must still be translated."""
        return self.language is Language.GERMAN and self.wanted is not Wanted.TRANSLATION

    @cached_property
    def accepted(self) -> tuple[tuple[str, ...], ...]:
        """Every right plan: repairs in any order, then the maker, then the translation."""
        tail = [self.maker] if self.maker else []
        tail += [TRANSLATOR] if self.needs_translation else []
        repairs = [REPAIRS[fault] for fault in self.faults]
        return tuple((*order, *tail) for order in permutations(repairs))


def all_combinations() -> tuple[Combination, ...]:
    """Every meaningful combination, in a fixed order."""
    return tuple(_image_combinations()) + tuple(_text_combinations())


def split_combinations() -> dict[Split, tuple[Combination, ...]]:
    """The combinations of each split: of every source and wanted result the same shares, chosen by hash."""
    groups: defaultdict[tuple[Source, Wanted], list[Combination]] = defaultdict(list)
    for combination in all_combinations():
        groups[combination.source, combination.wanted].append(combination)
    splits: dict[Split, list[Combination]] = {split: [] for split in Split}
    for group in groups.values():
        group.sort(key=lambda combination: hashlib.sha256(combination.id.encode()).hexdigest())
        test = int(_TEST_SHARE * len(group) + 0.5)
        validation = test + int(_VALIDATION_SHARE * len(group) + 0.5)
        splits[Split.TEST] += group[:test]
        splits[Split.VALIDATION] += group[test:validation]
        splits[Split.TRAIN] += group[validation:]
    return {split: tuple(members) for split, members in splits.items()}


def suite() -> TaskSuite:
    """The suite: every combination in `PARAPHRASES` wordings."""
    splits = {split: tuple(_tasks(members)) for split, members in split_combinations().items()}
    return TaskSuite("planning", GOAL, TOOLS, splits, _samples)


def _samples() -> SampleSource:
    # Pictures need Pillow, which planning alone does not.
    from autoflow.suites.samples import PlanningSamples

    return PlanningSamples()


def _image_combinations() -> Iterator[Combination]:
    for faults in _subsets(IMAGE_FAULTS):
        if faults:
            yield Combination(Source.IMAGE, faults, Wanted.RESTORED_IMAGE, None)
        for language in Language:
            for wanted in (Wanted.CAPTION, Wanted.CLASS, Wanted.OBJECTS):
                yield Combination(Source.IMAGE, faults, wanted, language)
            yield Combination(Source.IMAGE_AND_QUESTION, faults, Wanted.ANSWER, language)


def _text_combinations() -> Iterator[Combination]:
    yield Combination(Source.TEXT, (Fault.GAPS,), Wanted.COMPLETE_TEXT, Language.ENGLISH)
    for faults in _subsets((Fault.GAPS,)):
        yield Combination(Source.TEXT, faults, Wanted.NEW_IMAGE, None)
        yield Combination(Source.TEXT, faults, Wanted.TRANSLATION, Language.GERMAN)
        for language in Language:
            yield Combination(Source.TEXT, faults, Wanted.SENTIMENT, language)
            yield Combination(Source.TEXT, faults, Wanted.SUMMARY, language)
            yield Combination(Source.TEXT_AND_QUESTION, faults, Wanted.ANSWER, language)


def _subsets(faults: Sequence[Fault]) -> Iterator[tuple[Fault, ...]]:
    for size in range(len(faults) + 1):
        yield from combinations(faults, size)


def _tasks(members: Sequence[Combination]) -> Iterator[Task]:
    for combination in members:
        queries: list[str] = []
        rng = random.Random(combination.id)
        while len(queries) < PARAPHRASES:
            query = write_query(combination, rng)
            if query not in queries:
                queries.append(query)
                yield Task(
                    id=f"{combination.id}/{len(queries)}",
                    stratum=combination.wanted,
                    query=query,
                    inputs=combination.inputs,
                    output=combination.output,
                    accepted=combination.accepted,
                    data=f"planning {_DATA} {combination.id}",
                )
