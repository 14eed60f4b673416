"""How a combination of the suite `planning` is asked for in words.

A query is a frame with a phrase for what is given and a phrase for what is wanted; each is drawn from several
ways to say it. The language is said always when it is German, and half of the time when it is English.
"""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from autoflow.suites.planning import Combination

_FRAMES = (
    "Given {given}, how do I get {wanted}?",
    "I have {given}. I want {wanted}.",
    "How can {given} be turned into {wanted}?",
    "Make {wanted} from {given}.",
    "My input is {given}, and I need {wanted}.",
    "What has to be done with {given} to obtain {wanted}?",
    "Start with {given} and end with {wanted}.",
    "Please produce {wanted} out of {given}.",
)

_ADJECTIVES = {
    "low resolution": ("low-resolution", "small", "pixelated"),
    "noise": ("noisy", "grainy", "speckled"),
    "blur": ("blurry", "blurred", "out-of-focus"),
    "grayscale": ("grayscale", "black-and-white", "colorless"),
}

_IMAGES = ("image", "photo", "picture")

_TEXTS = {
    False: ("English text", "text in English", "piece of English text"),
    True: ("English text with gaps", "clozed English text", "English text with masked words"),
}

_QUESTIONS = ("a question about it", "a question on it")

_WANTED = {
    "restored image": ("a clean {image}", "the restored {image}", "{an_image} without faults"),
    "caption": ("a caption{language}", "a description{language}", "a {language_}sentence that describes it"),
    "class": ("its class{language}", "its category{language}", "the {language_}name of its class"),
    "objects": (
        "the objects in it{language}",
        "a list of its objects{language}",
        "the {language_}names of the objects in it",
    ),
    "answer": ("the answer{language}", "an answer{language}", "the {language_}answer"),
    "complete text": ("the complete text", "the text with its gaps filled", "the text without gaps"),
    "sentiment": ("its sentiment{language}", "its mood{language}", "the {language_}name of its sentiment"),
    "summary": ("a summary{language}", "a short version{language}", "a {language_}summary"),
    "translation": ("a German translation", "the same text in German", "its translation into German"),
    "new image": ("a picture of it", "an image that shows it", "an illustration"),
}


def write_query(combination: Combination, rng: random.Random) -> str:
    """Asks for a combination in words that `rng` chooses."""
    image = rng.choice(_IMAGES)
    given = _given(combination, image, rng)
    wanted = _wanted(combination, image, rng)
    query = rng.choice(_FRAMES).format(given=given, wanted=wanted)
    return query[0].upper() + query[1:]


def _given(combination: Combination, image: str, rng: random.Random) -> str:
    if combination.source.startswith("image"):
        adjectives = [rng.choice(_ADJECTIVES[fault]) for fault in combination.faults]
        rng.shuffle(adjectives)
        thing = _with_article(" ".join([", ".join(adjectives), image]).strip())
    else:
        thing = _with_article(rng.choice(_TEXTS[bool(combination.faults)]))
    return f"{thing} and {rng.choice(_QUESTIONS)}" if combination.source.endswith("question") else thing


def _wanted(combination: Combination, image: str, rng: random.Random) -> str:
    said = combination.language is not None and (combination.needs_translation or rng.random() < 0.5)
    phrase = rng.choice(_WANTED[combination.wanted]).format(
        image=image,
        an_image=_with_article(image),
        language=f" in {combination.language}" if said else "",
        language_=f"{combination.language} " if said else "",
    )
    return phrase.replace("a English", "an English")


def _with_article(phrase: str) -> str:
    return f"{'an' if phrase[0].lower() in 'aeiou' else 'a'} {phrase}"
