"""Takes the later of two drafts, or of two forms of a step, where the text announces it as the better one.

Two drafts without such words stay as they are: nothing tells which of them is meant.
"""

from __future__ import annotations

import re
from typing import Final

from autoflow.language.diagnostics import quoted
from autoflow.language.fields import FIELD_SEPARATOR, name_key
from autoflow.language.model import StepType, Workflow
from autoflow.language.parser import parse
from autoflow.language.repair.changes import Changes, Refusal
from autoflow.language.repair.lines import is_step, step_name
from autoflow.language.repair.reshape import reshape
from autoflow.language.repair.source import LINE_BREAK, SourceLine, joined_text

_BETTER: Final = r"improved|final|finali[sz]ed|corrected|revised|refined|better|updated|fixed|amended"
_WHAT: Final = r"version|workflow|draft|plan|attempt|answer|output|flow|revision|result"
_ANNOUNCED = re.compile(
    rf"\W{{0,6}}(?:(?:and |so |now )?(?:here(?: is|'s)|this is) )?(?:(?:the|my|a|an) )?"
    rf"(?:(?:{_BETTER})(?: (?:and )?(?:{_BETTER}))?(?: core)?(?: (?:{_WHAT})| one)?|(?:revision|correction))"
    r"(?: \(?v?\d{1,2}\)?)?\W{0,6}",
    re.IGNORECASE,
)
_MOST_CHARS: Final = 80
"""Of a line that announces a draft."""
_MOST: Final = 3
"""Lines of a text that are tried."""


def better_draft(text: str, changes: Changes) -> list[SourceLine] | None:
    """Returns the lines of the draft that a text announces as better than what stands before.

    It is whole, or corrects some of the steps above it.

    Args:
        text: The text.
        changes: Where it is told what was left out for it.

    Returns:
        Its lines, each with its place in the source; None where no draft is announced, or what is announced
        neither replaces nor corrects what stands before.

    Raises:
        Refusal: One of the drafts cannot be read, or is cut off.
    """
    source = LINE_BREAK.split(text)
    places = [i for i, line in enumerate(source) if i and _announces(line)][-_MOST:]
    for place in reversed(places):
        before, behind = Changes(), Changes()
        words = f"{quoted(source[place].strip())} announces"
        later = reshape("\n" * (place + 1) + "\n".join(source[place + 1 :]), behind)
        later = [line for line in later if line.number > place + 1]
        part = parse(joined_text(later)).workflow
        if part is None:
            continue
        earlier = reshape("\n".join(source[:place]), before)
        whole = parse(joined_text(earlier)).workflow
        if whole is None:
            continue
        if cut := before.cut_line or behind.cut_line:
            # What is cut off may replace the other draft as well as correct it.
            raise Refusal("no-steps", cut, "One of two drafts is cut off before it ends.")
        if _replaces(part, whole):
            changes.add("removed-draft", 1, f"Lines 1 to {place + 1} are left out: {words} a better draft.")
        elif _corrects(part, whole):
            changes.take(before)
            later = _corrected(earlier, later, words, changes)
        else:
            continue
        changes.take(behind)
        return later
    return None


def _replaces(later: Workflow, earlier: Workflow) -> bool:
    """Whether one draft stands in the place of another, and is not some of its steps."""
    first, *further = [name_key(step.name) for step in later.steps]
    targets = {name_key(branch.target) for step in later.steps for branch in step.branches}
    ends = any(step.type is StepType.TERMINAL for step in later.steps)
    return (
        bool(further)
        and first == name_key(earlier.steps[0].name)
        and not targets & _names(earlier) - {first, *further}
        and (ends or len(later.steps) >= len(earlier.steps))
    )


def _corrects(later: Workflow, earlier: Workflow) -> bool:
    """Whether every step of a draft is one of another, so that it can take its place."""
    return _names(later) <= _names(earlier) and all(
        len(_names(draft)) == len(draft.steps) for draft in (earlier, later)
    )


def _corrected(
    earlier: list[SourceLine], later: list[SourceLine], words: str, changes: Changes
) -> list[SourceLine]:
    """Returns the lines of a draft with the later steps in the places of the earlier ones."""
    steps = {name_key(step_name(line.text)): line for line in later if is_step(line.text)}
    lines = []
    for line in earlier:
        better = steps.get(name_key(step_name(line.text))) if is_step(line.text) else None
        if better is not None:
            message = f"Line {line.number} is left out: {words} a better {quoted(step_name(line.text))}."
            changes.add("removed-draft", line.number, message)
        lines.append(better or line)
    return lines + [line for line in later if not is_step(line.text)]


def _names(workflow: Workflow) -> set[str]:
    return {name_key(step.name) for step in workflow.steps}


def _announces(line: str) -> bool:
    plain = line.strip()
    return (
        len(plain) <= _MOST_CHARS and FIELD_SEPARATOR not in plain and _ANNOUNCED.fullmatch(plain) is not None
    )
