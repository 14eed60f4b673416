"""The words for intents: each is drawn from many ways to say it, which stand in `phrases.toml`.

Wide variety matters more than beauty: what is not near these words, the model does not understand.
"""

from __future__ import annotations

import random
import re
import tomllib
from functools import cache
from importlib import resources
from typing import Any

from autoflow.llm.tiny.corpus.intents import (
    Add,
    Arrange,
    Babble,
    Check,
    Fact,
    Identify,
    Intent,
    Muse,
    Output,
    Select,
)

_ALTERNATIVES = re.compile(r"\{([^{}]*)\}")


def say(intent: Intent, rng: random.Random) -> str:
    """Words for an intent, drawn by `rng`. No word contains a colon or a line break."""
    words = " ".join(_expand(_template(intent, rng), rng).split()).replace(" ,", ",")
    return words + "." if not words.endswith("?") and rng.random() < 0.3 else words


def _template(intent: Intent, rng: random.Random) -> str:
    words = _words()
    match intent:
        case Identify(facts):
            return _identify(facts, rng)
        case Select(ordered):
            parts = ["select_verbs", "models", "purpose", "basis", *(["orderly"] if ordered else [])]
            return f"{words[parts[0]]} {''.join(words[part] for part in parts[1:])}"
        case Add(part):
            return f"{words['add_verbs']} {words['add'][part]}"
        case Check(aspect):
            return str(words["check"][aspect])
        case Arrange() | Muse() | Output() | Babble():
            return str(words[type(intent).__name__.lower()])


def _identify(facts: frozenset[Fact], rng: random.Random) -> str:
    words = _words()
    chosen = [fact for fact in Fact if fact in facts]
    if rng.random() < 0.3:
        rng.shuffle(chosen)
    if len(chosen) == 1 and rng.random() < 0.15:
        return str(words["questions"][chosen[0]])
    phrases = [words["facts"][fact] for fact in chosen]
    listed = ", ".join(phrases[:-1]) + " and " + phrases[-1] if len(phrases) > 1 else phrases[0]
    return f"{words['identify_verbs']} {listed}{words['identify_tails']}"


def _expand(template: str, rng: random.Random) -> str:
    def choose(match: re.Match[str]) -> str:
        alternatives: list[str] = match[1].split("|")
        return rng.choice(alternatives)

    changes = 1
    while changes:
        template, changes = _ALTERNATIVES.subn(choose, template)
    return template


@cache
def _words() -> dict[str, Any]:
    """The templates: texts, and tables of texts by fact, part or aspect."""
    return tomllib.loads((resources.files(__package__) / "phrases.toml").read_text(encoding="utf-8"))
