"""Mends texts that language models got nearly right, without a model and without guessing in silence.

First lines are brought into the form that the parser reads (``reshape``), then the steps into a sound
workflow (``mend``). Each change is told as a diagnostic. A text that could be mended in more than one way is
refused, with the line that is to blame. A sound text keeps its workflow and so its digest, unless a line that
was left out around its steps can be read as a further one, or as a draft that the text calls better
(``versions``); a mended text is not changed again.

Left out: anything that needs to know what the steps are about; diagrams besides Mermaid's flowcharts.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from autoflow.language.diagnostics import Diagnostic, Severity, bounded, quoted
from autoflow.language.fields import FIELD_SEPARATOR, name_key, plain_name
from autoflow.language.linter import DEFAULT_LIMITS, Limits, check, lint
from autoflow.language.model import Workflow
from autoflow.language.parser import Parsed, parse
from autoflow.language.repair.changes import REPAIRS, Changes, Refusal
from autoflow.language.repair.lines import is_step
from autoflow.language.repair.mend import mend
from autoflow.language.repair.reshape import reshape
from autoflow.language.repair.source import SourceLine, joined_text
from autoflow.language.repair.versions import better_draft

__all__ = ["REPAIRS", "Repaired", "repair"]

_LEFT_OUT = frozenset({"leading-text", "trailing-text"})
"""Of these lines some may be steps after all."""

_NAMED = re.compile(r"step {1,4}\d{1,4}\b", re.IGNORECASE)

_BEYOND = frozenset({"text-too-long", "too-many-steps", "too-many-branches", "too-long"})


@dataclass(frozen=True, slots=True)
class Repaired:
    """What came of a text."""

    workflow: Workflow | None
    """The mended workflow, without an error; None where the text could not be mended."""
    text: str
    """Its canonical text; the source where it could not be mended."""
    changes: tuple[Diagnostic, ...]
    """What was changed, by the line of the source; empty where the text could not be mended."""
    diagnostics: tuple[Diagnostic, ...]
    """What remains: warnings by the line of the mended text, or what keeps the source from being mended."""


def repair(text: str, limits: Limits = DEFAULT_LIMITS) -> Repaired:
    """Mends a text.

    Args:
        text: Anything at all. Longer than the limit, it is refused.
        limits: The largest workflow to accept.
    """
    checked = check(text, limits)
    sound = None
    if checked.ok and checked.workflow is not None:
        parsed = parse(text)
        sound = _mended(checked.workflow, parsed.diagnostics, limits)
        # What the parser left out around the steps may be steps as well.
        if not any(found.code in _LEFT_OUT for found in parsed.diagnostics):
            return sound
    if len(text) > limits.max_text_chars:
        return _refused(text, checked.diagnostics)
    changes = Changes()
    try:
        draft = better_draft(text, changes)
        lines = draft or reshape(text, changes)
    except Refusal as refusal:
        return sound or _refused(text, [refusal.diagnostic])
    changes.keep(found for found in parse(text).diagnostics if found.code == "line-ending")
    repaired = _from_lines(text, lines, changes, limits)
    if sound is None:
        return repaired
    return repaired if repaired.workflow and (draft or _adds_steps(repaired, sound)) else sound


def _adds_steps(repaired: Repaired, sound: Repaired) -> bool:
    steps = (len(each.workflow.steps) if each.workflow else 0 for each in (repaired, sound))
    return next(steps) > next(steps)


def _from_lines(text: str, lines: list[SourceLine], changes: Changes, limits: Limits) -> Repaired:
    parsed = parse(joined_text(lines))
    at = tuple(lines[line - 1].number for line in parsed.lines)
    told = [
        _placed(found, lines) for found in parsed.diagnostics if not _is_change(found, parsed, lines, changes)
    ]
    lost = [found for found in told if found.severity is Severity.ERROR]
    if parsed.workflow is None or lost:
        return _refused(text, lost)
    # Beyond the limits nothing is mended, so that a hostile text costs little.
    beyond = [found for found in lint(parsed.workflow, at, limits) if found.code in _BEYOND]
    if beyond:
        return _refused(text, beyond)
    unread = _unread(parsed.workflow, lines)
    if unread:
        return _refused(text, unread)
    workflow, at = mend(parsed.workflow, at, changes)
    errors = [found for found in lint(workflow, at, limits) if found.severity is Severity.ERROR]
    if errors:
        return _refused(
            text, [found if found.line else replace(found, line=at[-1], column=1) for found in errors]
        )
    return _mended(workflow, changes.made(told), limits)


def _is_change(found: Diagnostic, parsed: Parsed, lines: list[SourceLine], changes: Changes) -> bool:
    """Tells as a change what is an error to the parser although nothing is lost, and says whether it did."""
    if not found.line:
        return False
    line = lines[found.line - 1]
    if found.code == "not-a-step" and FIELD_SEPARATOR not in line.text:
        changes.add("removed-line", line.number, found.message)
    elif found.code == "unknown-type":
        changes.add("read-type", line.number, f"{found.message} It is read by the branches.")
    elif found.code == "missing-field" and found.line in parsed.lines:
        changes.add("added-type", line.number, "The step has no type; it is read by the branches.")
    else:
        return False
    return True


def _unread(workflow: Workflow, lines: list[SourceLine]) -> list[Diagnostic]:
    """Finds lines that begin with the name of a step that is led to, but not declared; each is lost."""
    declared = {name_key(step.name) for step in workflow.steps}
    wanted = {name_key(branch.target) for step in workflow.steps for branch in step.branches} - declared
    unread = []
    for line in lines:
        found = None if line.outside or is_step(line.text) else _NAMED.match(plain_name(line.text.strip()))
        if found and name_key(found.group()) in wanted:
            message = f"{quoted(line.text.strip())} cannot be read as a step."
            unread.append(Diagnostic(Severity.ERROR, "not-a-step", line.number, 1, message, ""))
    return unread


def _placed(found: Diagnostic, lines: list[SourceLine]) -> Diagnostic:
    return (
        replace(found, line=lines[found.line - 1].number) if found.line else replace(found, line=1, column=1)
    )


def _mended(workflow: Workflow, changes: tuple[Diagnostic, ...], limits: Limits) -> Repaired:
    return Repaired(workflow, workflow.text, changes, lint(workflow, limits=limits))


def _refused(text: str, diagnostics: list[Diagnostic] | tuple[Diagnostic, ...]) -> Repaired:
    return Repaired(None, text, (), bounded(diagnostics))
