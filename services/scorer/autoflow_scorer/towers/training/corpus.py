"""Texts for the text tower: triples of a text, the same in other words, and one that says something else.

Five kinds, all made here or by the suites, so that no text of anybody else is learned from: captions of drawn
scenes, answers and labels, questions to a planner, short accounts and reviews, and words that mean
nothing, from which the tower learns that an unknown word matches only itself. English and German.
"""

from __future__ import annotations

import random
import string
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import NamedTuple

from autoflow.suites.planning import Combination, Language, all_combinations
from autoflow.suites.planning_queries import write_query
from autoflow.suites.scenes import (
    Purpose,
    Scene,
    caption,
    label,
    near_miss,
    objects,
    paraphrase,
    questions,
    scene,
)
from autoflow_scorer.towers.training.phrases import FRAMES, SLOTS

_MOST_SENTENCES = 5
_CONSONANTS, _VOWELS = "bcdfghjklmnprstvwz", "aeiouäöü"


class Triple(NamedTuple):
    """A text, one that means the same, and one that differs in a detail."""

    text: str
    same: str
    other: str


class Corpus:
    """Triples without end; equal arguments give equal triples.

    Args:
        seed: decides them.
        scenes: how many different scenes are written about.
    """

    def __init__(self, seed: int, scenes: int = 30_000) -> None:
        self._scenes = scenes
        self._rng = random.Random(seed)
        self._combinations = all_combinations()
        self._kinds: Mapping[str, tuple[int, Callable[[], Triple]]] = MappingProxyType(
            {
                "caption": (9, self._captions),
                "answer": (2, self._answers),
                "query": (2, self._queries),
                "account": (5, self._accounts),
                "nonsense": (2, self._nonsense),
            }
        )

    def draw(self) -> Triple:
        """The next triple, sometimes with careless letter case and punctuation."""
        weights, makers = zip(*self._kinds.values(), strict=True)
        text, same, other = self._rng.choices(makers, weights)[0]()
        return Triple(text, self._careless(same), self._careless(other))

    def _captions(self) -> Triple:
        one, rng, language = self._scene(), self._rng, self._language()
        miss = near_miss(one, rng.getrandbits(30))[0]
        text, same, other = (self._caption(told, language) for told in (one, one, miss))
        # The hardest miss keeps the very words of the text but one.
        return (
            Triple(caption(one, language), same, caption(miss, language))
            if rng.random() < 0.5
            else Triple(text, same, other)
        )

    def _caption(self, told: Scene, language: Language) -> str:
        return caption(told, language) if self._rng.random() < 0.3 else paraphrase(told, self._rng, language)

    def _answers(self) -> Triple:
        language, rng = self._language(), self._rng
        one, another = (self._short(self._scene(), language) for _ in range(2))
        while another == one:
            another = self._short(self._scene(), language)
        return Triple(one, rng.choice((one, f"{one}.", one.capitalize())), another)

    def _short(self, one: Scene, language: Language) -> str:
        """A label, an answer, or a list of things."""
        choice = self._rng.random()
        if choice < 0.3:
            return label(one, language)
        if choice < 0.6:
            return ", ".join(thing.name for thing in objects(one, language))
        return self._rng.choice(questions(one, language)).answer

    def _queries(self) -> Triple:
        one, another = self._rng.sample(self._combinations, 2)
        return Triple(*(self._query(asked) for asked in (one, one, another)))

    def _query(self, asked: Combination) -> str:
        return write_query(asked, self._rng)

    def _accounts(self) -> Triple:
        rng, language = self._rng, self._language()
        told = [self._meaning(language) for _ in range(rng.randint(1, _MOST_SENTENCES))]
        index = rng.randrange(len(told))
        changed = [*told[:index], self._changed(told[index], language), *told[index + 1 :]]
        text, same, other = (
            " ".join(self._told(meaning, language) for meaning in meanings)
            for meanings in (told, told, changed)
        )
        return Triple(text, same, other)

    def _meaning(self, language: Language) -> tuple[str, dict[str, int]]:
        frame = self._rng.choice(list(FRAMES[language]))
        slots = {name: self._rng.randrange(len(words)) for name, words in SLOTS[language].items()}
        return frame, slots

    def _changed(self, meaning: tuple[str, dict[str, int]], language: Language) -> tuple[str, dict[str, int]]:
        frame, slots = meaning
        used = [name for name in slots if f"{{{name}}}" in FRAMES[language][frame][0]]
        name = self._rng.choice(used)
        size = len(SLOTS[language][name])
        return frame, {**slots, name: (slots[name] + self._rng.randrange(1, size)) % size}

    def _told(self, meaning: tuple[str, dict[str, int]], language: Language) -> str:
        frame, slots = meaning
        words = {name: self._rng.choice(SLOTS[language][name][concept]) for name, concept in slots.items()}
        told = self._rng.choice(FRAMES[language][frame]).format(**words)
        return f"{told[0].upper()}{told[1:]}."

    def _nonsense(self) -> Triple:
        words = [self._word() for _ in range(self._rng.randint(1, 9))]
        changed = list(words)
        changed[self._rng.randrange(len(words))] = self._word()
        return Triple(" ".join(words), " ".join(words), " ".join(changed))

    def _word(self) -> str:
        rng = self._rng
        if rng.random() < 0.1:
            return str(rng.randrange(10_000))
        if rng.random() < 0.1:
            return "".join(chr(rng.randrange(0xA1, 0x2FFF)) for _ in range(rng.randint(1, 3)))
        syllables = [rng.choice(_CONSONANTS) + rng.choice(_VOWELS) for _ in range(rng.randint(1, 3))]
        return "".join([*syllables, rng.choice(("", *"nrstlm"))])

    def _careless(self, text: str) -> str:
        choice = self._rng.random()
        if choice < 0.06:
            return text.rstrip(string.punctuation) or text
        return text.upper() if choice < 0.08 else text

    def _scene(self) -> Scene:
        return scene(self._rng.randrange(self._scenes), Purpose.TRAINING)

    def _language(self) -> Language:
        return Language.ENGLISH if self._rng.random() < 0.6 else Language.GERMAN
