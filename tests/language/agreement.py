"""Texts inside and outside of the decoding grammar, drawn from a seed, and what three readers say to each.

The sound texts are not drawn from the grammar: they are built by the rules that its documentation states, so
that a grammar that allows less is found out as well as one that allows more. Most of the others differ from a
sound text in one place or two; the rest are strings of what the notation is made of, and of any characters.
"""

from __future__ import annotations

import random
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

import lark
import xgrammar

from autoflow.language import (
    LABEL_PAIRS,
    NEXT_LABEL,
    Notations,
    Step,
    StepType,
    Workflow,
    check,
    decoding_grammar,
    lark_grammar,
    named_grammar,
)

_LETTERS = "ABCMYZabcmyz"
_LABELS = [order for a, b in LABEL_PAIRS for order in ((a, b), (b, a))]
_ORDINARY = _LETTERS + " 019.,;?!-+*`'\"()[]<>#_/\\|{}~@$%&=é中😀"
OUTSIDE = ":\0\t\r\x1f\x7f\x85\xa0\u1680\u2000\u200b\u200f\u2028\u202f\u205f\u206f\u3000\ud800\udfff\ufeff"
"""Characters that no instruction of the grammar has, the first and the last of each range among them."""
RARE = "\u00a1\u167f\u1681\u2010\u2027\u2030\u205e\u2070\u2fff\u3001\ud7ff\ue000\ufefe\uff00\U0010ffff"
"""Their neighbours, which one may have."""
_PIECES = (
    *("Step ", "Step 1", "Step 2", "Step 3", "Step 10", "step 1", " ", "-", "é"),
    *(":::", "::", ":", "\n", "\r\n", ":::process:::", ":::decision:::", ":::terminal:::", "Process"),
    *(":::next::", "next", "Yes", "No", "::No::", "Yes::", "True", "Invalid", "Look", "Tell me."),
)


@dataclass(frozen=True, slots=True)
class Bounds:
    """The arguments of `decoding_grammar`, or of `named_grammar` where there are names."""

    max_steps: int
    max_instruction_chars: int
    names: tuple[str, ...] = ()
    """Those that the steps must have, as many as `max_steps`; none: they are numbered."""

    @property
    def notations(self) -> Notations:
        """The grammar."""
        if self.names:
            return named_grammar(self.names, self.max_instruction_chars)
        bounds = self.max_steps, self.max_instruction_chars
        return Notations(decoding_grammar(*bounds), lark_grammar(*bounds))

    def name(self, i: int) -> str:
        """The name of a step, from 1; of one too many, a number."""
        return self.names[i - 1] if i <= len(self.names) else f"Step {i}"


BOUNDS = (
    Bounds(1, 3),
    Bounds(2, 12),
    Bounds(4, 30),
    Bounds(12, 240),
    Bounds(1, 12, ("Tell",)),
    # One begins as another does, and some have characters that the notations escape.
    Bounds(4, 30, ("Look", "Look again", 'Is "it" \\ 中\t😀', "next")),
)


@dataclass(frozen=True, slots=True)
class Sample:
    """A text, and the grammar that it is put to."""

    kind: str
    """``sound``, ``near_miss``, ``pieces`` or ``noise``."""
    bounds: Bounds
    text: str
    """Any string, with lone surrogates too."""


@dataclass(frozen=True, slots=True)
class Verdicts:
    """Whether each reader takes a text for one that the grammar generates."""

    ebnf: bool
    """xgrammar's, of the EBNF."""
    lark: bool
    """lark's, of the Lark form."""
    own: bool
    """Ours: sound and canonical to parser and linter, and of the shape that the grammar is said to have."""

    @property
    def agree(self) -> bool:
        """Whether all say the same."""
        return self.ebnf == self.lark == self.own


def samples(count: int, seed: int) -> Iterator[Sample]:
    """Draws distinct texts, half of them sound; always the same ones for the same arguments."""
    rng = random.Random(seed)
    drawn = {"sound": _sound, "near_miss": _near_miss, "pieces": _pieces, "noise": _noise}
    seen: set[tuple[Bounds, str]] = set()
    while len(seen) < count:
        bounds = rng.choice(BOUNDS)
        (kind,) = rng.choices(list(drawn), (50, 40, 6, 4))
        text = drawn[kind](bounds, rng)
        if (bounds, text) not in seen:
            seen.add((bounds, text))
            yield Sample(kind, bounds, text)


def verdicts(sample: Sample) -> Verdicts:
    """Puts a text to the three readers."""
    return Verdicts(
        xgrammar_accepts(sample.text, sample.bounds.notations),
        lark_accepts(sample.text, sample.bounds.notations),
        _is_generated(sample.text, sample.bounds),
    )


def _sound(bounds: Bounds, rng: random.Random) -> str:
    size = bounds.max_steps if bounds.names else rng.randint(1, bounds.max_steps)
    lines = [_line(i, size, bounds, rng) for i in range(1, size)]
    return "".join([*lines, f"{bounds.name(size)}:::terminal:::{_instruction(bounds, rng)}\n"])


def _line(i: int, size: int, bounds: Bounds, rng: random.Random) -> str:
    name, following, instruction = bounds.name(i), bounds.name(i + 1), _instruction(bounds, rng)
    if rng.random() < 0.5:
        return f"{name}:::process:::{instruction}:::{NEXT_LABEL}::{following}\n"
    first, second = rng.choice(_LABELS)
    targets = [following, bounds.name(rng.randint(1, size))]
    rng.shuffle(targets)
    return f"{name}:::decision:::{instruction}:::{first}::{targets[0]}::{second}::{targets[1]}\n"


def _instruction(bounds: Bounds, rng: random.Random) -> str:
    chars = _ORDINARY + (RARE if rng.random() < 0.2 else "")
    most = bounds.max_instruction_chars - 1
    rest = "".join(rng.choices(chars, k=rng.choice((0, rng.randint(0, most), most))))
    return rng.choice(_LETTERS) + rest.rstrip(" ")


def _near_miss(bounds: Bounds, rng: random.Random) -> str:
    """A sound text that is too large by one, or with one or two changes; it may be generated still."""
    if rng.random() < 0.1:
        return _sound(Bounds(bounds.max_steps + 1, bounds.max_instruction_chars + 1, bounds.names), rng)
    text = _sound(bounds, rng)
    for _ in range(rng.randint(1, 2)):
        changes = (_with_other_characters, _with_a_rare_character, _with_another_word, _with_other_lines)
        text = rng.choice(changes)(text, bounds, rng)
    return text


def _with_other_characters(text: str, _: Bounds, rng: random.Random) -> str:
    at = _place(text, rng)
    added = rng.choice(("", ":", " ", "\n", rng.choice(_ORDINARY), text[at : at + 2][::-1]))
    return text[:at] + added + text[at + rng.randint(0, 2) :]


def _with_a_rare_character(text: str, _: Bounds, rng: random.Random) -> str:
    at = _place(text, rng)
    return text[:at] + rng.choice(OUTSIDE + RARE) + text[at:]


def _place(text: str, rng: random.Random) -> int:
    """Draws where to change a text: as often at the edge of a field as anywhere."""
    edges = [i + shift for i, char in enumerate(text) if char in ":\n" for shift in (0, 1, 2)]
    return rng.choice(edges) if edges and rng.random() < 0.5 else rng.randint(0, len(text))


def _with_another_word(text: str, bounds: Bounds, rng: random.Random) -> str:
    size = bounds.max_steps
    words: list[str] = [
        *(bounds.name(i) if i else "Step 0" for i in range(size + 2)),
        *(label for pair in LABEL_PAIRS for label in pair),
        *(*StepType, NEXT_LABEL, "x" * (bounds.max_instruction_chars + 1), ":::", "::"),
    ]
    present = [word for word in words if word in text]
    if not present:
        return text
    old = rng.choice(present)
    head, _, tail = text.rpartition(old) if rng.random() < 0.5 else text.partition(old)
    return head + rng.choice(words) + tail


def _with_other_lines(text: str, _: Bounds, rng: random.Random) -> str:
    lines = text.splitlines(keepends=True) or [""]
    at = rng.randrange(len(lines))
    lines[at : at + 1] = rng.choice(([], [lines[at]] * 2, [lines[at], "\n"], [rng.choice(lines)]))
    return "".join(lines)


def _pieces(_: Bounds, rng: random.Random) -> str:
    return "".join(rng.choices(_PIECES, k=rng.randint(0, 30)))


def _noise(_: Bounds, rng: random.Random) -> str:
    chars = (chr(rng.randrange(rng.choice((0x80, 0x3001, 0x110000)))) for _ in range(rng.randint(0, 40)))
    return "".join(chars)


@cache
def _compiled(ebnf: str) -> Any:
    # Texts are matched as bytes; of the vocabulary only the end is needed.
    info = xgrammar.TokenizerInfo([*(bytes([byte]) for byte in range(256)), b""], stop_token_ids=[256])
    return xgrammar.GrammarCompiler(info, max_threads=1).compile_grammar(xgrammar.Grammar.from_ebnf(ebnf))


def xgrammar_accepts(text: str, notations: Notations) -> bool:
    """Whether xgrammar takes a text for one that the EBNF generates."""
    matcher = xgrammar.GrammarMatcher(_compiled(notations.ebnf), terminate_without_stop_token=True)
    if not text:
        return bool(matcher.is_terminated())
    return bool(matcher.accept_string(text.encode("utf-8", "surrogatepass"))) and bool(
        matcher.is_terminated()
    )


@cache
def _lark(grammar: str) -> lark.Lark:
    return lark.Lark(grammar, parser="earley", lexer="dynamic")


def lark_accepts(text: str, notations: Notations) -> bool:
    """Whether lark takes a text for one that the Lark form generates."""
    try:
        _lark(notations.lark).parse(text)
    except lark.exceptions.LarkError:
        return False
    return True


def _is_generated(text: str, bounds: Bounds) -> bool:
    checked = check(text)
    workflow = checked.workflow
    return workflow is not None and checked.ok and workflow.text == text and _is_narrow(workflow, bounds)


def _is_narrow(workflow: Workflow, bounds: Bounds) -> bool:
    """Whether a workflow is one of those that the grammar's documentation describes."""
    *steps, last = workflow.steps
    return (
        len(workflow.steps) <= bounds.max_steps
        and (not bounds.names or len(workflow.steps) == bounds.max_steps)
        and all(step.name == bounds.name(i) for i, step in enumerate(workflow.steps, start=1))
        and all(_leads_on(step, bounds.name(i)) for i, step in enumerate(steps, start=2))
        and last.type is StepType.TERMINAL
        and all(_is_instruction(step.instruction, bounds) for step in workflow.steps)
    )


def _leads_on(step: Step, following: str) -> bool:
    labels = tuple(branch.label for branch in step.branches)
    targets = [branch.target for branch in step.branches]
    if step.type is StepType.PROCESS:
        return labels == (NEXT_LABEL,) and targets == [following]
    return step.type is StepType.DECISION and labels in _LABELS and following in targets


def _is_instruction(text: str, bounds: Bounds) -> bool:
    return (
        len(text) <= bounds.max_instruction_chars
        and text[:1].isascii()
        and text[:1].isalpha()
        and not text.endswith(" ")
        and not any(map(_is_excluded, text))
    )


def _is_excluded(char: str) -> bool:
    """Whether no instruction that the grammar generates has this character."""
    if unicodedata.category(char) in ("Cc", "Cs", "Zs", "Zl", "Zp"):
        return char != " "
    # Of the invisible ones only those of the block General Punctuation, and the byte order mark.
    return char in ":\ufeff" or ("\u2000" <= char <= "\u206f" and not char.isprintable())
