"""Branches in other forms than `label::target`: arrows, pairs with colons, sentences.

A reading is all or nothing: a text of which any piece is no branch has none. Every pattern here takes linear
time, and no more than a bounded text is read.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

from autoflow.language.fields import name_key, plain_field, plain_name
from autoflow.language.grammar import LABEL_PAIRS
from autoflow.language.model import NEXT_LABEL
from autoflow.language.repair.words import QUOTES, means_end

Pairs = list[tuple[str, str]]
"""Labels with their targets."""

_MOST_CHARS: Final = 1000
"""Of a text that is read as branches; no decision needs more."""
_MOST_CUES: Final = 16
"""Places of an instruction, from its end, where branches may begin."""

_ARROW: Final = r"(?:-{1,3}>|={1,3}>|→|⇒|➡|➔)"
_ARROWS = re.compile(_ARROW)
_GO: Final = (
    r"\b(?:(?:go|return|move|jump|skip|loop|continue|proceed)(?: on| back)? ?(?:to|with|at)|back to|then)\b"
    r"(?: the)?(?: go(?: back)? ?to| proceed to| return to)?"
)
_GOES = re.compile(rf"{_ARROW}|{_GO}", re.IGNORECASE)
_SEPARATED = re.compile("::?:?|=")
_PIECES = re.compile(
    r"[,;|\n]|[.] | / | (?=otherwise\b|else\b|if not\b)|\band(?= if\b)"
    rf"| (?=[(\[][^()\[\]]{{1,40}}[)\]] ?(?::|{_ARROW}))",
    re.IGNORECASE,
)
_CONDITION = re.compile(
    r"(?:and )?(?:if|when|in case)\b(?: it is\b| it's\b| the answer is\b| so\b)?", re.IGNORECASE
)
_ELSE = re.compile(r"(?:and |or )?(?:otherwise|else|if not)\b", re.IGNORECASE)
_LAST_CONDITION = re.compile(r" (?:if|when)\b(?: it is\b)?", re.IGNORECASE)
_PLACE = re.compile(r"\b(?:step ?)\d{1,4}\Z", re.IGNORECASE)
_CUE = re.compile(
    rf"{_ARROW}|\b(?:if|when|then|go|goto|proceed|continue|move|jump|return|loop)\b"
    rf"|\b(?:next|yes|no|true|false|pass|fail)(?= ?(?::|{_ARROW}))",
    re.IGNORECASE,
)
_LABELS: Final = {name_key(label): label for pair in (*LABEL_PAIRS, (NEXT_LABEL,)) for label in pair}
_OTHERS: Final = {name_key(a): b for pair in LABEL_PAIRS for a, b in (pair, pair[::-1])}
_BRACKETS: Final = ("[]", "{}", "()")
_OTHERWISE: Final = "otherwise"


def is_half(label: str) -> bool:
    """Whether a label is one of a pair, such as `Yes`: with no other it leaves open what else may happen."""
    return name_key(label) in _OTHERS


def is_label(text: str) -> bool:
    """Whether a text is one of the usual labels: `next`, or one of a pair."""
    return name_key(text) in _LABELS


def other_half(label: str) -> str | None:
    """Returns the other label of a pair, such as `No` for `Yes`; None if a label is of none."""
    return _OTHERS.get(name_key(label))


def usual_label(label: str) -> str:
    """Returns a label as it is usually spelt, such as `Yes` for `yes`."""
    return _LABELS.get(name_key(label), label)


def read_branches(text: str, is_target: Callable[[str], bool] | None = None) -> Pairs:
    """Reads branches.

    Args:
        text: Such as `Yes -> Step 3, No -> Step 2`, `if yes go to Step 3, otherwise Step 2`, `then Step 2`.
        is_target: Whether a piece of it may be a target; by default anything may.

    Returns:
        The branches; none unless all of the text is read.
    """
    text = _without_brackets(text.strip().rstrip(".,; "))
    if not text or len(text) > _MOST_CHARS:
        return []
    told: list[tuple[str, str]] = []
    for piece in _PIECES.split(text):
        label, target = _piece(piece.strip().strip(f"*`{QUOTES}().").strip())
        if told and told[-1][0] and not told[-1][1] and not label:
            # `If yes, go to Step 3`: the comma parts a condition from its target.
            label = told.pop()[0]
        if label or target:
            told.append((label, target))
    if not told or not all(target and (is_target is None or is_target(target)) for _, target in told):
        return []
    if len(told) == 1 and not told[0][0]:
        return [(NEXT_LABEL, told[0][1])]
    return _with_otherwise(told) if all(label for label, _ in told) else []


def split_instruction(instruction: str, is_target: Callable[[str], bool]) -> tuple[str, Pairs]:
    """Parts an instruction from the branches that its last words tell, if they do."""
    cues = list(_CUE.finditer(instruction[-_MOST_CHARS:]))[-_MOST_CUES:]
    start = max(len(instruction) - _MOST_CHARS, 0)
    for cue in cues:
        head, tail = instruction[: start + cue.start()], instruction[start + cue.start() :]
        if not _may_end(head, cue.group()):
            continue
        branches = read_branches(tail, is_target)
        if branches:
            return _ended(head), branches
    return instruction, []


def has_arrow(text: str) -> bool:
    """Whether a text holds an arrow."""
    return _ARROWS.search(text) is not None


def _piece(text: str) -> tuple[str, str]:
    """Returns the label and the target of one piece; each may be missing."""
    otherwise = _ELSE.match(text)
    if otherwise:
        rest = text[otherwise.end() :].strip(" ,:")
        found = _GOES.match(rest)
        return _OTHERWISE, _clean(rest[found.end() :] if found else rest)
    led = False
    while goes := _GOES.match(text):
        text, led = text[goes.end() :].strip(), True
    goes = _GOES.search(text) or _SEPARATED.search(text)
    if goes or led:
        before, after = (text[: goes.start()].strip(), text[goes.end() :]) if goes else ("", text)
        # `go to Step 3 if yes`
        condition = _LAST_CONDITION.search(after) if not before else None
        if condition:
            return _label(after[condition.end() :]), _clean(after[: condition.start()])
        # `Yes: go to Step 3`
        again = _GOES.match(after.strip())
        return _label(before), _clean(after.strip()[again.end() :] if again else after)
    condition = _CONDITION.match(text)
    if condition:
        place = _PLACE.search(text)
        end = place.start() if place else len(text)
        return _label(text[:end]), _clean(text[end:])
    condition = _LAST_CONDITION.search(text)
    if condition:
        return _label(text[condition.end() :]), _clean(text[: condition.start()])
    return "", _clean(text)


def _label(text: str) -> str:
    found = _CONDITION.match(text)
    plain = plain_field((text[found.end() :] if found else text).strip(f" ,()[]{QUOTES}*`"))
    if plain.casefold() in {"", "and", "or", "and then"}:
        return ""
    return usual_label(plain) if found or plain.islower() or name_key(plain) == NEXT_LABEL else plain


def _clean(text: str) -> str:
    return plain_name(text.strip().strip(f"()[]{{}}{QUOTES}.,;*` "))


def _with_otherwise(told: Pairs) -> Pairs:
    """`otherwise` is the other of a pair, where there are but two."""
    labels = [label for label, _ in told]
    if len(told) == 2 and labels[1] == _OTHERWISE and is_half(labels[0]):
        return [told[0], (_OTHERS[name_key(labels[0])], told[1][1])]
    return told


def _without_brackets(text: str) -> str:
    if len(text) > 1 and text[0] + text[-1] in _BRACKETS:
        return text[1:-1].strip()
    return text


def _may_end(head: str, cue: str) -> bool:
    """Whether an instruction may end before a cue: in a sentence of its own, or before an arrow."""
    before = head.rstrip()
    return bool(before) and (
        not cue[0].isalpha() or before[-1] in ".,;!?()\u2013\u2014-" or before.casefold().endswith(" and")
    )


def _ended(head: str) -> str:
    head = head.rstrip().rstrip(" ,;:(\u2013\u2014-").removesuffix(" and").rstrip(" ,;:(")
    # The full stop between two sentences has nothing to part any more.
    return plain_field(head.removesuffix(".") or head)


def means_target(target: str) -> bool:
    """Whether a target can be told from other words without knowing the names: `Step 2`, `2`, `END`."""
    return means_end(target) or bool(re.fullmatch(r"(?:step ?)?\d{1,4}", target, re.IGNORECASE))
