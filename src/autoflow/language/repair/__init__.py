"""Mends texts that language models got nearly right, without a model and without guessing in silence.

First lines are brought into the form that the parser reads, then the steps into a sound workflow. Each change
is told as a diagnostic. A text that could be mended in more than one way is refused, with the line that is to
blame. A sound text keeps its workflow and so its digest; a mended text is not changed again.

Left out: anything that needs to know what the steps are about.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from autoflow.language.diagnostics import Diagnostic, Severity, bounded
from autoflow.language.fields import FIELD_SEPARATOR
from autoflow.language.linter import DEFAULT_LIMITS, Limits, check, lint
from autoflow.language.model import Workflow
from autoflow.language.parser import parse
from autoflow.language.repair.changes import REPAIRS, Changes
from autoflow.language.repair.reshape import reshape
from autoflow.language.repair.steps import StepMender

__all__ = ["REPAIRS", "Repaired", "repair"]

_LOST = frozenset({"bad-branches", "not-a-step", "no-steps"})
"""Errors of the parser that leave something out; a type that it guessed from the branches is told instead."""

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
    if checked.ok and checked.workflow is not None:
        return _mended(checked.workflow, parse(text).diagnostics, limits)
    if len(text) > limits.max_text_chars:
        return _refused(text, checked.diagnostics)
    changes = Changes()
    lines = reshape(text, changes)
    parsed = parse("".join(f"{line.text}\n" for line in lines))
    numbers = [line.number for line in lines]
    told = tuple(_placed(found, numbers) for found in parsed.diagnostics)
    lost = [found for found in told if found.code in _LOST and not _is_chatter(found, changes)]
    if parsed.workflow is None or lost:
        return _refused(text, lost or told)
    # Beyond the limits nothing is mended, so that a hostile text costs little.
    at = tuple(numbers[line - 1] for line in parsed.lines)
    beyond = [found for found in lint(parsed.workflow, at, limits) if found.code in _BEYOND]
    if beyond:
        return _refused(text, beyond)
    workflow, at = StepMender(parsed.workflow, at, changes).run()
    errors = [found for found in lint(workflow, at, limits) if found.severity is Severity.ERROR]
    if errors:
        return _refused(
            text, [found if found.line else replace(found, line=at[-1], column=1) for found in errors]
        )
    forgiven = tuple(found for found in told if found.code not in _LOST)
    return _mended(workflow, changes.made(_without_layout(forgiven)), limits)


def _is_chatter(found: Diagnostic, changes: Changes) -> bool:
    """Whether a line among the steps is prose, which is left out."""
    if found.code != "not-a-step" or FIELD_SEPARATOR in found.message:
        return False
    changes.add("removed-line", found.line, found.message)
    return True


def _without_layout(forgiven: tuple[Diagnostic, ...]) -> tuple[Diagnostic, ...]:
    # The last line feed of the text that was put together is not the source's.
    return tuple(found for found in forgiven if found.code != "blank-line")


def _placed(found: Diagnostic, numbers: list[int]) -> Diagnostic:
    return replace(found, line=numbers[found.line - 1]) if found.line else replace(found, line=1, column=1)


def _mended(workflow: Workflow, changes: tuple[Diagnostic, ...], limits: Limits) -> Repaired:
    return Repaired(workflow, workflow.text, changes, lint(workflow, limits=limits))


def _refused(text: str, diagnostics: list[Diagnostic] | tuple[Diagnostic, ...]) -> Repaired:
    return Repaired(None, text, (), bounded(diagnostics))
