"""Words that models write for the words of the language."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Final

from autoflow.language._layout import read_type
from autoflow.language.fields import name_key, plain_name
from autoflow.language.model import StepType

QUOTES: Final = "\"'\u201c\u201d\u2018\u2019"
"""Straight and typographic quotation marks."""

_SYNONYMS: Final[Mapping[StepType, str]] = MappingProxyType(
    {
        StepType.PROCESS: "action activity begin operation proc processing start task step subprocess "
        "proceso processus prozess processo 处理 流程",
        StepType.DECISION: "branch branching check choice condition conditional decide if switch "
        "decisión décision entscheidung decisione decisão 判断 决策",
        StepType.TERMINAL: "end ending exit final finish output result return stop terminate termination "
        "fin final ende fine fim 结束 终止",
    }
)
_TYPES = {word: type_ for type_, words in _SYNONYMS.items() for word in words.split()}
_ENDS = frozenset(
    [
        "done",
        "end",
        "ended",
        "ending",
        "exit",
        "final",
        "finish",
        "finished",
        "halt",
        "n/a",
        "nil",
        "none",
        "null",
        "quit",
        "return",
        "stop",
        "terminal",
        "terminate",
    ]
)
_LEAST_LIKENESS: Final = 0.75
_MOST_CHARS: Final = 200
"""Of a word that is compared; longer ones are no misspelling."""
_WORD = re.compile(r"[^\W_]+")


def read_type_word(text: str) -> StepType | None:
    """Returns the type that a field means: the word itself, a synonym, or a misspelling; or None."""
    exact = read_type(text)
    if exact is not None:
        return exact
    words = [
        word
        for word in _WORD.findall(plain_name(text).casefold())
        if word not in {"step", "node", "point", "steptype"}
    ]
    if len(words) != 1 or len(words[0]) > _MOST_CHARS:
        return StepType.PROCESS if name_key(plain_name(text)) == "step" else None
    if words[0] in _TYPES:
        return _TYPES[words[0]]
    like = difflib.get_close_matches(words[0], [type_.value for type_ in StepType], 1, _LEAST_LIKENESS)
    return StepType(like[0]) if like else None


def means_end(target: str) -> bool:
    """Whether a target says that the workflow ends, such as ``END`` or ``End of workflow``."""
    words = _WORD.findall(target.casefold())
    extra = {"the", "of", "workflow", "process", "program", "here", "step"}
    return (bool(words) and words[0] in _ENDS and set(words[1:]) <= extra) or name_key(target) == "n/a"


def closest_name(target: str, names: Iterable[str]) -> str | None:
    """Returns the only declared name that a target can mean, or None.

    Numbers must agree: ``Step 9`` is never read as ``Step 8``.
    """
    if len(target) > _MOST_CHARS:
        return None
    names = list(dict.fromkeys(names))
    words = _words(target)
    numbers = [word for word in words if word.isdecimal()]
    alike = [name for name in names if [word for word in _words(name) if word.isdecimal()] == numbers]
    if numbers and len(alike) == 1 and (len(words) == len(numbers) or _share(words, _words(alike[0]))):
        return alike[0]
    within = [name for name in names if _is_part(words, _words(name)) or _is_part(_words(name), words)]
    # `B` for `Step B`.
    within = within or [name for name in names if words and words == _words(name)[-len(words) :]]
    if len(within) == 1:
        return within[0]
    key = name_key(target)
    likeness = {name: difflib.SequenceMatcher(None, key, name_key(name)).ratio() for name in alike}
    best = sorted(likeness, key=lambda name: -likeness[name])[:2]
    if not best or likeness[best[0]] < _LEAST_LIKENESS:
        return None
    if len(best) > 1 and likeness[best[1]] >= likeness[best[0]]:
        return None
    return best[0]


def _words(text: str) -> list[str]:
    """Words and numbers: ``Step3`` has two."""
    return re.findall(r"\d+|[^\W\d_]+", text.casefold())


def _share(words: list[str], others: list[str]) -> bool:
    first = {word[0] for word in words if not word.isdecimal()}
    return bool(first & {word[0] for word in others if not word.isdecimal()})


def _is_part(part: list[str], whole: list[str]) -> bool:
    return bool(part) and part == whole[: len(part)]
