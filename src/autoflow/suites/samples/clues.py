"""How a reader knows what belongs in a gap: by the clue that follows it, or by one elsewhere in the text."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from autoflow.suites.planning import Language
from autoflow.suites.samples import words
from autoflow.suites.samples.verdicts import VERDICTS
from autoflow.suites.samples.words import GAP
from autoflow.suites.scenes.words import LEXICONS

_SENTENCE_END = re.compile(r"(?<=[.!?])\s+")


class Clues:
    """Fills the gaps of the built-in texts, from their clues alone."""

    def __init__(self) -> None:
        self.words: Mapping[str, str] = dict(_clues())
        """The English word that each clue stands for."""
        longest_first = sorted(self.words, key=len, reverse=True)
        self._any = re.compile(rf"\b(?:{'|'.join(map(re.escape, longest_first))})\b")

    def fill(self, text: str) -> str:
        """Replaces every gap whose word is certain; the others stay."""
        before, *after = text.split(GAP)
        near = [self._near(part) for part in after]
        told = {word for clue, word in self.words.items() if clue in text}
        missing = [word for word in sorted(told - set(near)) if not re.search(rf"\b{word}\b", text)]
        far = missing[0] if len(missing) == 1 else GAP
        return before + "".join((word or far) + part for word, part in zip(near, after, strict=True))

    def _near(self, rest: str) -> str | None:
        """The word that the first clue in the rest of the sentence stands for, unless that has it already."""
        sentence = _SENTENCE_END.split(rest, maxsplit=1)[0]
        found = self._any.search(sentence)
        return self.words[found[0]] if found and self.words[found[0]] not in sentence else None


def _clues() -> Iterator[tuple[str, str]]:
    somebody = {person.female: person for person in words.PEOPLE}.values()
    for verdicts in VERDICTS.values():
        for verdict in verdicts:
            for person in somebody:
                yield verdict.phrase(person)[0].split(f"{verdict.english} ", 1)[1], verdict.english
    for job in words.JOBS:
        yield job.work, job.english
    for town, _, country, _ in words.TOWNS:
        yield f"the capital of {country}", town
    for animal in words.ANIMALS:
        yield animal.habit, animal.noun.english
    lexicon = LEXICONS[Language.ENGLISH]
    for colour, clue in words.COLOUR_CLUES.items():
        yield clue, lexicon.colours[colour]
    for kind, clue in words.KIND_CLUES.items():
        yield clue, lexicon.kinds[kind][0].one
