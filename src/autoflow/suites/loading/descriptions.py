"""What a line of OpenAGI's `task_description.txt` asks for, and the plans that are right for it.

A line reads like `Given noisy blurry image and clozed English query, how to answer the question in German
step by step?`. Its words decide the plans; what the files hold decides the types.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType

from autoflow.suites.planning import Combination, Fault, Language, Source, Wanted

_FORM = re.compile(r"given (?P<given>.+), how to (?P<wanted>.+?) step by step\?", re.IGNORECASE)
_GIVEN = re.compile(r"(?P<adjectives>(?:[a-z-]+ )*)(?P<noun>image|text|document|query)", re.IGNORECASE)

_FAULTS: Mapping[str, Fault] = MappingProxyType(
    {
        "low-resolutioned": Fault.LOW_RESOLUTION,
        "noisy": Fault.NOISE,
        "blurry": Fault.BLUR,
        "grayscale": Fault.GRAYSCALE,
        "gray": Fault.GRAYSCALE,
        "clozed": Fault.GAPS,
    }
)
_SOURCES: Mapping[tuple[str, ...], Source] = MappingProxyType(
    {
        ("image",): Source.IMAGE,
        ("text",): Source.TEXT,
        ("image", "query"): Source.IMAGE_AND_QUESTION,
        ("document", "query"): Source.TEXT_AND_QUESTION,
    }
)
_WANTED: Mapping[str, Wanted] = MappingProxyType(
    {
        "return the regular image": Wanted.RESTORED_IMAGE,
        "return the caption": Wanted.CAPTION,
        "return the class label": Wanted.CLASS,
        "return the object names": Wanted.OBJECTS,
        "generate a image": Wanted.NEW_IMAGE,
        "return the summarization": Wanted.SUMMARY,
        "translate the text": Wanted.TRANSLATION,
        "return the sentiment": Wanted.SENTIMENT,
        "answer the question": Wanted.ANSWER,
    }
)


def understood(description: str) -> Combination:
    """What a description asks for. Where a text and its question both have gaps, `GAPS` is there twice.

    Raises:
        ValueError: it is of no form that OpenAGI has, or of another language than English and German.
    """
    if not (form := _FORM.fullmatch(description.strip())):
        raise ValueError(f"no description of OpenAGI's: {description!r}")
    given = [_GIVEN.fullmatch(part) for part in form["given"].split(" and ")]
    wanted, language = _split_language(form["wanted"].lower())
    nouns = tuple(part["noun"].lower() for part in given if part)
    adjectives = [word for part in given if part for word in part["adjectives"].lower().split()]
    unknown = [word for word in adjectives if word not in _FAULTS and word != "english"]
    if None in given or unknown or nouns not in _SOURCES or wanted not in _WANTED:
        raise ValueError(f"no description of OpenAGI's: {description!r}")
    faults = sorted((_FAULTS[word] for word in adjectives if word in _FAULTS), key=list(Fault).index)
    return Combination(_SOURCES[nouns], tuple(faults), _WANTED[wanted], language)


def accepted_plans(combination: Combination) -> tuple[tuple[str, ...], ...]:
    """Every right plan, once."""
    return tuple(dict.fromkeys(combination.accepted))


def _split_language(wanted: str) -> tuple[str, Language | None]:
    for language in Language:
        if wanted.endswith(ending := f" in {language.lower()}"):
            return wanted.removesuffix(ending), language
    return wanted, None
