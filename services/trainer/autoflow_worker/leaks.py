"""Finds what a workflow's text has from the tasks that it is measured on.

A workflow that holds the words of a task's query, or its right answer, may do well on that task and nowhere
else. So its text is compared with every task of the suite: a phrase of six words that both have is flagged,
as is the whole of a shorter query, plan or answer that has three distinctive words. Words are compared in
lower case and without punctuation. What a generator may know, or what says nothing about any task, does not
count: phrases of the goal, of a tool's name and description, and those that more than half of the tasks have.

A flag is for people to judge, and refuses nothing: a strategy may name three tools in the order in which a
plan has them. Not seen: other words for the same, translations, facts in phrases of fewer than six words,
numbers alone, and a plan of a single tool, which is that tool's name.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum

from autoflow.suites import Split, Task, TaskSuite

PHRASE = 6
"""Words in a row that are no accident."""
DISTINCTIVE = 3
"""Words that the whole of a shorter text must have to be flagged."""

_WORD = re.compile(r"[^\W_]+")
_LONG = 3
"""Letters of a word that may be distinctive."""
_SHOWN_TASKS = 3

Words = tuple[str, ...]
_Places = dict[Words, list[int]]


class Part(StrEnum):
    """What of a task leaked."""

    QUERY = "query"
    REFERENCE = "reference"


@dataclass(frozen=True, slots=True)
class Leak:
    """A phrase that a workflow shares with tasks."""

    phrase: str
    """In lower case, without punctuation; as long as it is shared."""
    part: Part
    tasks: tuple[str, ...]
    """Their ids, in the suite's order."""

    @property
    def sentence(self) -> str:
        """For a person."""
        shown = ", ".join(self.tasks[:_SHOWN_TASKS])
        more = len(self.tasks) - _SHOWN_TASKS
        others = f" and {more} more" if more > 0 else ""
        return f"the text has “{self.phrase}” from the {self.part} of {shown}{others}"


@dataclass(frozen=True, slots=True)
class _Source:
    """A text of a task."""

    task: str
    part: Part
    words: Words


class Leaks:
    """Compares texts with one suite's tasks, those of all splits.

    Args:
        suite: whose tasks are not to be found in a workflow.
    """

    def __init__(self, suite: TaskSuite) -> None:
        tasks = [task for split in Split for task in suite.tasks(split)]
        self._sources = [source for task in tasks for source in _sources(task)]
        self._order = {task.id: index for index, task in enumerate(tasks)}
        known = [suite.goal, *(text for tool in suite.tools for text in (tool.name, tool.description))]
        self._known = [_words(text) for text in known]
        self._common = set(self._known[0])

    def find(self, text: str) -> tuple[Leak, ...]:
        """What a workflow's text shares with tasks, in the order of the text.

        Args:
            text: of the workflow; its canonical text or its instructions alone.
        """
        words = _words(text)
        places = _places(words, PHRASE)
        for known in self._known:
            for phrase in _phrases(known, PHRASE):
                places.pop(phrase, None)
        shared = [(source, self._shared(source, words, places)) for source in self._sources]
        holders: dict[Words, set[str]] = {}
        for source, found in shared:
            for phrase in found:
                holders.setdefault(phrase, set()).add(source.task)
        most = max(1, len(self._order) / 2)
        usual = {phrase for phrase, tasks in holders.items() if len(tasks) > most}
        stretches = {
            (*stretch, source.part, source.task)
            for source, found in shared
            for stretch in _stretches(
                (at, at + len(phrase)) for phrase in found.keys() - usual for at in found[phrase]
            )
        }
        return self._leaks(words, stretches)

    def _shared(self, source: _Source, words: Words, places: _Places) -> _Places:
        """Phrases that a source has in common with a text, and where the text has them."""
        if len(source.words) >= PHRASE:
            return {phrase: places[phrase] for phrase in _phrases(source.words, PHRASE) if phrase in places}
        distinctive = {word for word in source.words if len(word) >= _LONG} - self._common
        if len(distinctive) < DISTINCTIVE or not distinctive.issubset(words):
            return {}
        length = len(source.words)
        if any(source.words in _places(known, length) for known in self._known):
            return {}
        found = _places(words, length)
        return {source.words: found[source.words]} if source.words in found else {}

    def _leaks(self, words: Words, stretches: set[tuple[int, int, Part, str]]) -> tuple[Leak, ...]:
        """Of stretches that lie within each other the longest, and the tasks that have it."""
        spans = {(start, end) for start, end, _, _ in stretches}
        longest = {
            span
            for span in spans
            if not any(other != span and other[0] <= span[0] and span[1] <= other[1] for other in spans)
        }
        found: dict[tuple[str, Part], set[str]] = {}
        for start, end, part, task in sorted(stretches):
            if (start, end) in longest:
                found.setdefault((" ".join(words[start:end]), part), set()).add(task)
        return tuple(
            Leak(phrase, part, tuple(sorted(tasks, key=self._order.__getitem__)))
            for (phrase, part), tasks in found.items()
        )


def _sources(task: Task) -> Iterator[_Source]:
    yield _Source(task.id, Part.QUERY, _words(task.query))
    for answer in {task.reference, task.answer, *map(", ".join, task.accepted)}:
        if words := _words(answer):
            yield _Source(task.id, Part.REFERENCE, words)


def _words(text: str) -> Words:
    return tuple(_WORD.findall(unicodedata.normalize("NFKC", text).casefold()))


def _phrases(words: Words, length: int) -> Iterator[Words]:
    return (words[at : at + length] for at in range(len(words) - length + 1))


def _places(words: Words, length: int) -> _Places:
    """Where each phrase of that length begins."""
    found: _Places = {}
    for at, phrase in enumerate(_phrases(words, length)):
        found.setdefault(phrase, []).append(at)
    return found


def _stretches(spans: Iterable[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    """The stretches of words that the spans of phrases cover, from and to."""
    begin = end = last = -2
    for start, stop in sorted(spans):
        # Only phrases that begin next to each other are one stretch of the source, too.
        if start > last + 1:
            if begin >= 0:
                yield begin, end
            begin = start
        last, end = start, stop
    if begin >= 0:
        yield begin, end
